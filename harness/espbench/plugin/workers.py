# SPDX-License-Identifier: MIT
"""What pytest-xdist's controller learns from its workers' reports."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from espbench.plugin.refusal import REFUSAL

USED = "espbench_used"
"""The attribute of a test's report that says that its worker uses espbench."""


class Workers:
    """Takes what workers said in their reports."""

    def __init__(self, activate: Callable[[], object]) -> None:
        """Remember how this process comes to use espbench, too."""
        self._activate = activate

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """End the session when a worker refused it.

        Raises:
            pytest.UsageError: it did.
        """
        if sentence := getattr(report, REFUSAL, ""):
            raise pytest.UsageError(sentence)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Do what this process has to do for a session that uses espbench."""
        if hasattr(report, USED):
            self._activate()
