# SPDX-License-Identifier: MIT
"""Reports a full disk at a session's end in one sentence, and keeps the tests' results."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from espbench.errors import is_disk_full


class FullDisk:
    """Catches the error of a full disk, which would end pytest with a traceback."""

    def __init__(self, config: pytest.Config) -> None:
        """Remember where JUnit XML is written."""
        self._junit = str(config.getoption("xmlpath", None) or "")
        self._problem = ""

    # The innermost wrapper, so that the terminal reporter still prints the failures.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, None, None]:
        """Let the session end normally, but with a non-zero status."""
        try:
            yield
        except OSError as error:
            if not is_disk_full(error):
                raise
            lost = error.filename or self._junit or "a file written at the end"
            self._problem = (
                f"espbench: The disk is full, so {lost} is missing or cut off: free some space."
            )
            if session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report the file that is missing."""
        if self._problem:
            terminalreporter.write_line(self._problem, red=True)
