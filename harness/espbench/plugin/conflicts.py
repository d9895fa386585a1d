# SPDX-License-Identifier: MIT
"""Resolves the conflict between pytest-embedded and labgrid, which both define `target`.

In a session with duts, pytest-embedded makes every test use its fixture `target`. If both plugins
are loaded, the tests get labgrid's instead, which skips them without a labgrid environment: the
session would run nothing and succeed.
"""

from __future__ import annotations

import types

import pytest

from espbench.embedded import idle
from espbench.errors import ConfigError


def check(config: pytest.Config) -> None:
    """Refuse a session that uses both plugins; without duts, keep labgrid's `target`.

    Raises:
        ConfigError: the session uses both.
    """
    labgrid = config.pluginmanager.get_plugin("labgrid")
    if labgrid is None or not config.pluginmanager.hasplugin("pytest_embedded"):
        return
    if idle.asked(config):
        raise ConfigError(
            "labgrid and pytest-embedded both have a fixture named target, so every test would be "
            "skipped: add -p no:pytest_embedded to use labgrid's boards, or -p no:labgrid."
        )
    # pytest uses the fixture of the plugin that was registered last.
    override = types.ModuleType("espbench-labgrid-target")
    vars(override)["target"] = vars(labgrid)["target"]
    config.pluginmanager.register(override, override.__name__)
