# SPDX-License-Identifier: MIT
"""A pytest plugin that tells the process that started pytest how its tests go, as lines of JSON.

`espbench run` loads it with `-p espbench.reporting.progress` and hands it a pipe;
`--espbench-report` makes a page of the same events. Under
pytest-xdist only the controller speaks: all reports come to it.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

VARIABLE = "ESPBENCH_PROGRESS_FD"
BOOT = "espbench_boot"
"""The attribute of a report that has the moments of a boot."""


def pytest_configure(config: pytest.Config) -> None:
    """Start to speak, unless this is one of xdist's workers or nobody listens."""
    number = os.environ.get(VARIABLE, "")
    if number.isdecimal() and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Speaker(int(number)), "espbench-speaker")


class Follower:
    """Makes events of what pytest reports."""

    def say(self, event: str, **detail: Any) -> None:
        """Take an event."""
        raise NotImplementedError

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell which tests there are, when pytest runs them itself."""
        if session.items:
            self.say("collected", nodeids=[item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Tell which tests there are, when workers run them: each one finds them all."""
        self.say("collected", nodeids=list(ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that a test starts."""
        self.say("start", nodeid=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell how a phase of a test ended."""
        self.say(
            "report",
            nodeid=report.nodeid,
            when=report.when,
            outcome=report.outcome,
            seconds=report.duration,
            message=message_of(report),
            detail=report.longreprtext if report.failed else "",
            expected=hasattr(report, "wasxfail"),
            evidence=told(report, "evidence"),
            devices=told(report, "device"),
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell that a suite could not be read."""
        if report.failed:
            self.say("broken", nodeid=report.nodeid, detail=report.longreprtext)


class Speaker(Follower):
    """Writes events into a pipe."""

    def __init__(self, descriptor: int) -> None:
        """Take over the pipe's descriptor."""
        self._pipe = os.fdopen(descriptor, "w", buffering=1)

    def say(self, event: str, **detail: Any) -> None:
        """Tell whoever reads."""
        self._pipe.write(json.dumps({"event": event, **detail}) + "\n")


def message_of(report: pytest.TestReport) -> str:
    """Return what a report says of its error or of why it was skipped, else ""."""
    if isinstance(report.longrepr, tuple):  # skipped: path, line, reason
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    message = str(crash.message) if crash is not None else ""
    return message or (report.longreprtext if report.failed else "")


def told(report: pytest.TestReport, name: str) -> list[str]:
    """Return the values of a property that the plugin gave a report."""
    return [str(value) for key, value in report.user_properties if key == name]
