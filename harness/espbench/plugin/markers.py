# SPDX-License-Identifier: MIT
"""The marker `boards`."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from espbench.boards.builtin import BOARDS
from espbench.plugin import FIXTURES, ours
from espbench.plugin.options import setting


def skip_other_boards(
    config: pytest.Config, marked: Sequence[tuple[pytest.Item, pytest.Mark]]
) -> None:
    """Skip what this board is not for."""
    name = setting(config, "--espbench-board", "espbench_board")
    for item, marker in marked:
        if name not in marker.args and _is_ours(item, marker):
            # Without this board's name (the header has it): parity compares reasons of two boards.
            reason = f"needs board {' or '.join(marker.args)}"
            item.add_marker(pytest.mark.skip(reason=reason))


def _is_ours(item: pytest.Item, marker: pytest.Mark) -> bool:
    """Return whether a marker is meant for us: a project may have one of its own."""
    return any(ours.takes(item, name) for name in FIXTURES) or any(
        name in marker.args for name in BOARDS
    )
