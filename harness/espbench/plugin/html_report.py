# SPDX-License-Identifier: MIT
"""The HTML report of any pytest session: `pytest --espbench-report FILE`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from espbench.boards.board import Board
from espbench.boards.emulators import TITLES
from espbench.device.boot_phases import phases_from_json
from espbench.emulator.choice import emulator_version, find_emulator
from espbench.errors import EspbenchError, is_disk_full
from espbench.firmware.download import sha256_of
from espbench.flash.software import software
from espbench.qemu.process import dotted
from espbench.reporting import html as report
from espbench.reporting.model import Run
from espbench.reporting.progress import BOOT, Follower
from espbench.reporting.results import Results
from espbench.util.version import __version__


def versions(board: Board, firmware: Path | None) -> dict[str, str]:
    """Return the versions of all parts; missing parts, reported by the tests, are omitted."""
    known = {"board": f"{board.name}: {board.title}"}
    with contextlib.suppress(EspbenchError):
        known[TITLES[board.emulator]] = dotted(emulator_version(board, find_emulator(board)))
    if firmware is not None and firmware.is_file():
        known |= software(firmware)
        known |= {"firmware": str(firmware), "firmware sha256": sha256_of(firmware)}
    return known | {
        "espbench": __version__,
        "pytest": pytest.__version__,
        "Python": sys.version.split()[0],
    }


class SessionPage(Follower):
    """Writes the page at the end of the session; under pytest-xdist, in the controller only."""

    def __init__(self, page: Path, board: Board, firmware: Path | None, here: Path) -> None:
        """Follow a session.

        Args:
            page: path of the report.
            board: the emulated board.
            firmware: the given firmware, or None for espbench's own.
            here: folder that the evidence paths are relative to.
        """
        self._page = page
        self._firmware = firmware
        self._here = here
        self._run = Run(board, Results())
        self._since = time.monotonic()
        self._problem = ""

    def say(self, event: str, **detail: Any) -> None:
        """Record an event of the session."""
        if "evidence" in detail:
            # Absolute, because tests may change the current folder.
            detail["evidence"] = [str(self._here / path) for path in detail["evidence"]]
        self._run.results.take({"event": event, **detail})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the outcome of a test phase, and the first reported boot."""
        super().pytest_runtest_logreport(report)
        if not self._run.boot and (boot := getattr(report, BOOT, None)):
            self._run.boot = phases_from_json(boot)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        """Write the page after JUnit XML, even if that failed."""
        try:
            yield
        finally:
            self._write(session, exitstatus)

    def _write(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the page; a session whose page cannot be written fails."""
        run = self._run
        run.seconds = time.monotonic() - self._since
        run.results.finish()
        if exitstatus not in (0, 1):
            run.complaint = f"pytest ended with status {int(exitstatus)}: see its output."
        run.versions = versions(run.board, self._firmware)
        try:
            self._page.parent.mkdir(parents=True, exist_ok=True)
            self._page.write_text(report.render(run, self._page), encoding="utf-8")
        except OSError as error:
            self._problem = _sentence(error, self._page)
            if session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report where the page is, or why it is missing."""
        if self._problem:
            terminalreporter.write_line(f"espbench: {self._problem}", red=True)
        else:
            terminalreporter.write_line(f"espbench: report {self._page}")


def _sentence(error: OSError, page: Path) -> str:
    if is_disk_full(error):
        page.unlink(missing_ok=True)  # a truncated page would be misleading
        return (
            f"The disk of {page.parent} is full, so the report {page.name} is missing: free some "
            "space there."
        )
    return (
        f"The report {page} cannot be written ({error.strerror}): choose another path with "
        "--espbench-report."
    )
