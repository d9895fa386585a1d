# SPDX-License-Identifier: MIT
"""Distinguishes this plugin's fixtures and markers from a project's of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

__all__ = ["skip_other_boards", "takes", "would_take"]

HOME = "espbench.plugin"
"""Module that defines this plugin's fixtures."""


def takes(item: pytest.Item, name: str) -> bool:
    """Return whether a test uses this plugin's fixture, not one that overrides it."""
    return name in getattr(item, "fixturenames", ()) and would_take(item, name)


def would_take(item: pytest.Item, name: str) -> bool:
    """Return whether a test that requests a fixture gets this plugin's.

    A fixture that overrides another and requests it by the same name extends it.
    """
    # pytest has no public API for this.
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
    """Skip tests for other boards.

    Args:
        config: the pytest configuration.
        marked: tests with the marker `boards`.
        fixtures: this plugin's fixtures; in a test that uses one, the marker is ours.
    """
    from espbench.plugin.settings import chosen_board

    name = chosen_board(config).name
    for item, marker in marked:
        if name not in marker.args and _is_ours(item, marker, fixtures):
            # Without this board's name, because parity compares the reasons of two boards.
            reason = f"needs board {' or '.join(marker.args)}"
            item.add_marker(pytest.mark.skip(reason=reason))


def _is_ours(item: pytest.Item, marker: pytest.Mark, fixtures: Iterable[str]) -> bool:
    """Return whether a marker is this plugin's: a project may define one of the same name."""
    from espbench.boards.builtin import BOARDS

    return any(takes(item, name) for name in fixtures) or any(
        name in marker.args for name in BOARDS
    )
