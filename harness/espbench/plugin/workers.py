# SPDX-License-Identifier: MIT
"""Handles reports of workers in the controller of pytest-xdist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from espbench.plugin.refusal import REFUSAL

USED = "espbench_used"
"""Attribute of a test report whose worker uses espbench."""


class Workers:
    """Activates espbench, or ends the session, when a worker's report says so."""

    def __init__(self, activate: Callable[[], object]) -> None:
        """Remember the function that activates espbench in this process."""
        self._activate = activate

    @pytest.hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """End the session if a worker refused it.

        Raises:
            pytest.UsageError: a worker refused the session.
        """
        if sentence := getattr(report, REFUSAL, ""):
            raise pytest.UsageError(sentence)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Activate espbench if the worker uses it."""
        if hasattr(report, USED):
            self._activate()
