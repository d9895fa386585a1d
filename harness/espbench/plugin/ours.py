# SPDX-License-Identifier: MIT
"""Whether a test takes a fixture of this plugin, or one of its project that has the same name."""

from __future__ import annotations

from typing import Any

import pytest

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
