# SPDX-License-Identifier: MIT
"""Keeps two plugins apart that have a fixture of the same name: pytest-embedded and labgrid.

Both have one named `target`, and in a session with duts pytest-embedded has every test take it.
Where both are loaded that is labgrid's, which skips the test when there is no labgrid environment:
a session would run nothing, and end with success.
"""

from __future__ import annotations

import types

import pytest

from espbench.embedded import idle
from espbench.errors import ConfigError


def check(config: pytest.Config) -> None:
    """Refuse a session that wants both; where nobody wants a dut, `target` is labgrid's.

    Raises:
        ConfigError: it wants both.
    """
    labgrid = config.pluginmanager.get_plugin("labgrid")
    if labgrid is None or not config.pluginmanager.hasplugin("pytest_embedded"):
        return
    if idle.asked(config):
        raise ConfigError(
            "labgrid and pytest-embedded both have a fixture named target, which skips every test "
            "here: add -p no:pytest_embedded for a lab's boards, or -p no:labgrid."
        )
    # pytest takes the fixture of the plugin that was registered last.
    again = types.ModuleType("espbench-labgrid-target")
    vars(again)["target"] = vars(labgrid)["target"]
    config.pluginmanager.register(again, again.__name__)
