# SPDX-License-Identifier: MIT
"""The checks of `espbench check`, a test for each, on any firmware (`pytest --espbench-check`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from espbench.check.families import all_checks


@pytest.fixture(autouse=True)
def check_no_leak() -> None:
    """Replace the other suites' leak check, which needs the control channel."""


@pytest.mark.parametrize("name", [each.name for each in all_checks() if not each.on_request])
def test_check(name: str, run_check: Callable[[str], None]) -> None:
    """Run the check of this name on each server that has what it needs."""
    run_check(name)
