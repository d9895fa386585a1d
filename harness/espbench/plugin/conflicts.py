# SPDX-License-Identifier: MIT
"""Keeps two plugins apart that cannot share a session: pytest-embedded and labgrid.

Both have a fixture named `target`, and pytest-embedded has every test take it. Where both are
loaded that is labgrid's, which skips the test when there is no labgrid environment: a session
would run nothing, and end with success.
"""

from __future__ import annotations

import pytest

from espbench.errors import ConfigError


def check(config: pytest.Config) -> None:
    """Refuse a session that has both.

    Raises:
        ConfigError: it has.
    """
    has = config.pluginmanager.hasplugin
    if has("labgrid") and has("pytest_embedded"):
        raise ConfigError(
            "labgrid and pytest-embedded both have a fixture named target, which skips every test "
            "here: add -p no:pytest_embedded for a lab's boards, or -p no:labgrid."
        )
