# SPDX-License-Identifier: MIT
"""The scenarios' outcomes as data, made from the events of `espbench.reporting.progress`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from espbench.reporting.failure_summary import cause
from espbench.suites.names import suite_of

Outcome = Literal["passed", "failed", "skipped", "running", "waiting"]


@dataclass
class Case:
    """One scenario.

    Attributes:
        nodeid: pytest's name for it.
        outcome: of all its phases.
        seconds: of all its phases.
        message: why it failed or was skipped, in one line or a few.
        detail: the whole failure.
        evidence: folders.
        devices: a line about the state of each device when it failed.
        ended: whether it was torn down, too, so that nothing about it changes any more.
    """

    nodeid: str
    outcome: Outcome = "waiting"
    seconds: float = 0.0
    message: str = ""
    detail: str = ""
    evidence: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    ended: bool = False

    @property
    def suite(self) -> str:
        """The suite's name, such as limits/saturation."""
        return suite_of(self.nodeid)

    @property
    def title(self) -> str:
        """The scenario's name within its suite."""
        return self.nodeid.partition("::")[2] or self.nodeid


@dataclass
class Suite:
    """Figures of a suite."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    left: int = 0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """How many scenarios it has."""
        return self.passed + self.failed + self.skipped + self.left


@dataclass
class Results:
    """All scenarios of a run, in the order in which they were found."""

    cases: dict[str, Case] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Suites that could not be read, and why."""

    def take(self, event: Mapping[str, Any]) -> Case | None:
        """Take one event; return the scenario that it ended, if it did."""
        match event["event"]:
            case "collected":
                for nodeid in event["nodeids"]:
                    self._case(nodeid)
            case "start":
                self._case(event["nodeid"]).outcome = "running"
            case "broken":
                self.broken[event["nodeid"]] = event["detail"]
            case "report":
                return self._report(event)
        return None

    def _case(self, nodeid: str) -> Case:
        return self.cases.setdefault(nodeid, Case(nodeid))

    def _report(self, event: Mapping[str, Any]) -> Case | None:
        case = self._case(event["nodeid"])
        case.seconds += event["seconds"]
        case.evidence += [path for path in event["evidence"] if path not in case.evidence]
        if event["outcome"] == "failed":
            first = case.outcome != "failed"
            case.outcome = "failed"
            if first:  # a failure while it is torn down is a consequence, if there was one before
                case.message, case.detail = event["message"], event["detail"]
                case.devices = list(event.get("devices", ()))
        elif event["outcome"] == "skipped":
            case.outcome = "skipped"
            reason = event["message"].removeprefix("Skipped: ")
            case.message = f"fails as expected: {reason}" if event["expected"] else reason
        elif event["when"] == "call" and case.outcome == "running":
            case.outcome = "passed"
        # pytest-xdist's report of a worker that crashed has a phase of its own, and is the last.
        case.ended = event["when"] not in ("setup", "call")
        return case if case.ended else None

    def finish(self) -> None:
        """Call the run over: what has not ended did not pass."""
        for case in self.cases.values():
            if case.outcome in ("running", "waiting"):
                case.outcome = "failed"
                case.message = case.message or "It did not run to its end."
            case.ended = True

    def count(self, outcome: Outcome) -> int:
        """Return how many scenarios have this outcome."""
        return sum(case.outcome == outcome for case in self.cases.values())

    @property
    def done(self) -> int:
        """How many scenarios have ended."""
        return sum(case.ended for case in self.cases.values())

    @property
    def good(self) -> bool:
        """Whether there were scenarios, and none failed or was left out by an error."""
        bad = self.count("failed") or self.count("running") or self.count("waiting")
        return bool(self.count("passed")) and not bad and not self.broken

    def suites(self) -> list[Suite]:
        """Return the figures of each suite, in order."""
        suites: dict[str, Suite] = {}
        for case in self.cases.values():
            suite = suites.setdefault(case.suite, Suite(case.suite))
            suite.seconds += case.seconds
            match case.outcome if case.ended else "running":
                case "passed":
                    suite.passed += 1
                case "failed":
                    suite.failed += 1
                case "skipped":
                    suite.skipped += 1
                case _:
                    suite.left += 1
        for nodeid in self.broken:
            suites.setdefault(suite_of(nodeid), Suite(suite_of(nodeid))).failed += 1
        return list(suites.values())

    def everything(self) -> list[Case]:
        """Return all scenarios, then the suites that could not be read, as failed."""
        return list(self.cases.values()) + [
            Case(nodeid, "failed", 0.0, f"This suite could not be read: {cause(detail)}", detail)
            for nodeid, detail in self.broken.items()
        ]

    def failures(self) -> list[Case]:
        """Return the scenarios that failed, then the suites that could not be read."""
        return [case for case in self.everything() if case.outcome == "failed"]

    def skipped(self) -> list[Case]:
        """Return the scenarios that were skipped."""
        return [case for case in self.cases.values() if case.outcome == "skipped"]
