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
from espbench.device.boot_phases import marks_from_json
from espbench.errors import EspbenchError, is_disk_full
from espbench.firmware.download import sha256_of
from espbench.qemu.process import dotted, find_qemu, qemu_version
from espbench.reporting import html as report
from espbench.reporting.model import Run
from espbench.reporting.progress import BOOT, Follower
from espbench.reporting.results import Results
from espbench.util.version import __version__


def versions(board: Board, firmware: Path | None) -> dict[str, str]:
    """Return what took part; a part that is missing is left out: its tests have said so."""
    known = {"board": f"{board.name}: {board.title}"}
    with contextlib.suppress(EspbenchError):
        known["QEMU"] = dotted(qemu_version(find_qemu(board)))
    if firmware is not None and firmware.is_file():
        known |= {"firmware": str(firmware), "firmware sha256": sha256_of(firmware)}
    return known | {
        "espbench": __version__,
        "pytest": pytest.__version__,
        "Python": sys.version.split()[0],
    }


class SessionPage(Follower):
    """Writes the page when the session is over; under pytest-xdist only the controller does."""

    def __init__(self, page: Path, board: Board, firmware: Path | None, here: Path) -> None:
        """Follow a session.

        Args:
            page: where the report goes.
            board: that is emulated.
            firmware: that was named, or None when it is espbench's own.
            here: what the folders of evidence are relative to.
        """
        self._page = page
        self._firmware = firmware
        self._here = here
        self._run = Run(board, Results())
        self._since = time.monotonic()
        self._problem = ""

    def say(self, event: str, **detail: Any) -> None:
        """Take what happened."""
        if "evidence" in detail:
            # The tests' current folder may be another one by the time that the page is made.
            detail["evidence"] = [str(self._here / path) for path in detail["evidence"]]
        self._run.results.take({"event": event, **detail})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take how a phase of a test ended, and the first boot that one tells of."""
        super().pytest_runtest_logreport(report)
        if not self._run.boot and (boot := getattr(report, BOOT, None)):
            self._run.boot = marks_from_json(boot)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        """Write the page when JUnit XML is written, or could not be."""
        try:
            yield
        finally:
            self._write(session, exitstatus)

    def _write(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the page; a session whose page is missing is no good one."""
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
        """Say where the page is, or why it is not."""
        if self._problem:
            terminalreporter.write_line(f"espbench: {self._problem}", red=True)
        else:
            terminalreporter.write_line(f"espbench: report {self._page}")


def _sentence(error: OSError, page: Path) -> str:
    if is_disk_full(error):
        page.unlink(missing_ok=True)  # half a page would mislead
        return (
            f"The disk of {page.parent} is full, so the report {page.name} is missing: free some "
            "space there."
        )
    return (
        f"The report {page} cannot be written ({error.strerror}): choose another place with "
        "--espbench-report."
    )
