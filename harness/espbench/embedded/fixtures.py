# SPDX-License-Identifier: MIT
"""The fixtures of pytest-embedded that espbench overrides.

pytest takes the fixture of the plugin that was registered last. This module is registered after
pytest-embedded's, in each session that has it, so it imports nothing but pytest; a conftest.py of
the project still has the last word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from espbench.embedded.plugin import EmbeddedPlugin

PROVIDER = pytest.StashKey[Callable[[], "EmbeddedPlugin"]]()
"""Returns what the session knows of its duts; the session uses espbench from then on."""


@pytest.fixture
def _fixture_classes_and_options(
    request: pytest.FixtureRequest, _fixture_classes_and_options: Any
) -> Any:
    """Return pytest-embedded's choice of classes, with espbench's for a dut in QEMU.

    With several duts it is a tuple, one choice for each.
    """
    choices = _fixture_classes_and_options
    for choice in choices if isinstance(choices, tuple) else (choices,):
        if "qemu" in choice.classes:
            request.config.stash[PROVIDER]().choose(choice)
    return choices
