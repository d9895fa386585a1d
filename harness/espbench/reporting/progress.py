# SPDX-License-Identifier: MIT
"""A pytest plugin that reports the progress of the tests as lines of JSON.

`espbench run` loads it with `-p espbench.reporting.progress` and passes it a pipe;
`--espbench-report` renders the same events as a page. With pytest-xdist, only the controller
writes, because it receives all reports.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

VARIABLE = "ESPBENCH_PROGRESS_FD"
BOOT = "espbench_boot"
"""The attribute of a report that has the phases of a boot."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin, unless this is an xdist worker or there is no pipe."""
    number = os.environ.get(VARIABLE, "")
    if number.isdecimal() and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Speaker(int(number)), "espbench-speaker")


class Follower:
    """Converts pytest's reports to events."""

    def say(self, event: str, **detail: Any) -> None:
        """Handle an event."""
        raise NotImplementedError

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Report the collected tests, if pytest runs them itself."""
        if session.items:
            self.say("collected", nodeids=[item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Report the collected tests, if workers run them; each worker collects them all."""
        self.say("collected", nodeids=list(ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Report the start of a test."""
        self.say("start", nodeid=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Report the outcome of a test's phase."""
        self.say(
            "report",
            nodeid=report.nodeid,
            when=report.when,
            outcome=report.outcome,
            seconds=report.duration,
            message=message_of(report),
            detail=report.longreprtext if report.failed or _repeated(report) else "",
            expected=hasattr(report, "wasxfail"),
            evidence=property_values(report, "evidence"),
            devices=property_values(report, "device"),
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Report a suite that could not be read."""
        if report.failed:
            self.say("broken", nodeid=report.nodeid, detail=report.longreprtext)


class Speaker(Follower):
    """Writes events to a pipe."""

    def __init__(self, descriptor: int) -> None:
        """Take over the pipe's descriptor."""
        self._pipe = os.fdopen(descriptor, "w", buffering=1)

    def say(self, event: str, **detail: Any) -> None:
        """Write an event."""
        self._pipe.write(json.dumps({"event": event, **detail}) + "\n")


def _repeated(report: pytest.TestReport) -> bool:
    """Return whether this failed, and pytest-rerunfailures runs the test again."""
    return str(report.outcome) == "rerun"


def message_of(report: pytest.TestReport) -> str:
    """Return a report's error, or its reason for skipping, or ""."""
    if isinstance(report.longrepr, tuple):  # skipped: path, line, reason
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message) if crash is not None else ""
    return message or (report.longreprtext if report.failed or _repeated(report) else "")


def property_values(report: pytest.TestReport, name: str) -> list[str]:
    """Return the values of a property that espbench's plugin added to a report."""
    return [str(value) for key, value in report.user_properties if key == name]
