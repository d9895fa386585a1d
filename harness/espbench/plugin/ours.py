# SPDX-License-Identifier: MIT
"""Whether a test's fixtures and markers are this plugin's, or its project's of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from espbench.plugin.options import setting

__all__ = ["skip_other_boards", "takes", "would_take"]

HOME = "espbench.plugin"
"""The module with this plugin's fixtures."""


def takes(item: pytest.Item, name: str) -> bool:
    """Return whether a test takes this plugin's fixture, and not one that replaces it."""
    return name in getattr(item, "fixturenames", ()) and would_take(item, name)


def would_take(item: pytest.Item, name: str) -> bool:
    """Return whether a test that asks for a fixture gets this plugin's.

    A fixture that overrides another and asks for it under the same name extends it.
    """
    # pytest tells this in no public way.
    manager: Any = getattr(item.session, "_fixturemanager", None)
    found: Any = manager.getfixturedefs(name, item) if manager is not None else None
    for definition in reversed(found or ()):
        if str(definition.func.__module__) == HOME:
            return True
        if name not in definition.argnames:
            return False
    return False


def skip_other_boards(
    config: pytest.Config,
    marked: Sequence[tuple[pytest.Item, pytest.Mark]],
    fixtures: Iterable[str],
) -> None:
    """Skip what this board is not for.

    Args:
        config: of the session.
        marked: tests with the marker `boards`.
        fixtures: this plugin's; a test that takes one of them has the marker from us.
    """
    name = setting(config, "--espbench-board", "espbench_board")
    for item, marker in marked:
        if name not in marker.args and _is_ours(item, marker, fixtures):
            # Without this board's name (the header has it): parity compares reasons of two boards.
            reason = f"needs board {' or '.join(marker.args)}"
            item.add_marker(pytest.mark.skip(reason=reason))


def _is_ours(item: pytest.Item, marker: pytest.Mark, fixtures: Iterable[str]) -> bool:
    """Return whether a marker is meant for us: a project may have one of its own."""
    from espbench.boards.builtin import BOARDS

    return any(takes(item, name) for name in fixtures) or any(
        name in marker.args for name in BOARDS
    )
