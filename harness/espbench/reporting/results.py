# SPDX-License-Identifier: MIT
"""`Results`: the scenarios' outcomes, computed from events of `espbench.reporting.progress`."""

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
        nodeid: pytest's node ID.
        outcome: the combined outcome of its phases.
        seconds: the total duration of its phases.
        message: why it failed or was skipped, in one or a few lines.
        detail: the complete failure report.
        evidence: folders of evidence.
        devices: a line about the state of each device at the failure.
        ended: whether its teardown has ended, so that nothing changes any more.
        repeated: why each earlier attempt failed, if pytest-rerunfailures repeated it.
    """

    nodeid: str
    outcome: Outcome = "waiting"
    seconds: float = 0.0
    message: str = ""
    detail: str = ""
    evidence: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    ended: bool = False
    repeated: list[str] = field(default_factory=list)

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
    """The counts of a suite's outcomes; `left` are those that have not ended."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    left: int = 0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """The number of its scenarios."""
        return self.passed + self.failed + self.skipped + self.left


@dataclass
class Results:
    """All scenarios of a run, in the order of collection."""

    cases: dict[str, Case] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Errors by suite, for suites that could not be read."""

    def take(self, event: Mapping[str, Any]) -> Case | None:
        """Handle an event; return the scenario that it ends, if any."""
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
            if first:  # a later failure in teardown is probably a consequence
                case.message, case.detail = event["message"], event["detail"]
                case.devices = list(event.get("devices", ()))
        elif event["outcome"] == "rerun":
            case.repeated.append(event["message"])
        elif event["outcome"] == "skipped":
            case.outcome = "skipped"
            reason = event["message"].removeprefix("Skipped: ")
            case.message = f"fails as expected: {reason}" if event["expected"] else reason
        elif event["when"] == "call" and case.outcome == "running":
            case.outcome = "passed"
        # pytest-xdist's report of a crashed worker has another phase, and is the last report.
        case.ended = event["when"] not in ("setup", "call")
        return case if case.ended else None

    def finish(self) -> None:
        """End the run: scenarios that have not ended count as failed."""
        for case in self.cases.values():
            if case.outcome in ("running", "waiting"):
                case.outcome = "failed"
                case.message = case.message or "It did not run to its end."
            case.ended = True

    def count(self, outcome: Outcome) -> int:
        """Return the number of scenarios with this outcome."""
        return sum(case.outcome == outcome for case in self.cases.values())

    @property
    def done(self) -> int:
        """The number of scenarios that have ended."""
        return sum(case.ended for case in self.cases.values())

    @property
    def good(self) -> bool:
        """Whether a scenario passed, and none failed or could not run."""
        bad = self.count("failed") or self.count("running") or self.count("waiting")
        return bool(self.count("passed")) and not bad and not self.broken

    def suites(self) -> list[Suite]:
        """Return the counts of each suite, in order."""
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

    def flaky(self) -> list[Case]:
        """Return the scenarios that passed only when they were repeated."""
        return [c for c in self.cases.values() if c.repeated and c.outcome == "passed"]

    def skipped(self) -> list[Case]:
        """Return the scenarios that were skipped."""
        return [case for case in self.cases.values() if case.outcome == "skipped"]
