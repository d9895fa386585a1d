# SPDX-License-Identifier: MIT
"""Reports a full disk at a session's end in one sentence, and keeps the tests' results."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from espbench.errors import is_disk_full


class FullDisk:
    """Makes a sentence of the error with which pytest's JUnit XML would end everything."""

    def __init__(self, config: pytest.Config) -> None:
        """Watch a session."""
        self._junit = str(config.getoption("xmlpath", None) or "")
        self._problem = ""

    # The innermost wrapper: the terminal's, around it, prints the failures.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Let the session end as it would, with a status that is not 0."""
        try:
            yield
        except OSError as error:
            if not is_disk_full(error):
                raise
            lost = error.filename or self._junit or "what is written at the end"
            self._problem = (
                f"espbench: The disk is full, so {lost} is missing or cut off: free some space."
            )
            if session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what is missing."""
        if self._problem:
            terminalreporter.write_line(self._problem, red=True)
