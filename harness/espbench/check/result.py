# SPDX-License-Identifier: MIT
"""What a check finds: `Finding`, `Figure` and `Result`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

__all__ = ["Figure", "Finding", "Outcome", "Result", "Severity", "labelled"]


class Outcome(Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    OBSERVED = "observed"
    """It worked, and showed a figure or a behaviour that is a choice of the firmware's author."""
    NOT_APPLICABLE = "not applicable"
    ERROR = "error"
    """espbench itself failed, so nothing is known about the firmware."""


class Severity(Enum):
    """What a failure means for the user of the device, worst first."""

    SECURITY = "security"
    """An attacker gains access they should not have."""
    ROBUSTNESS = "robustness"
    """The device stops serving, restarts, or loses memory."""
    CONFORMANCE = "conformance"
    """It differs from the standard, and some clients may not work with it."""


@dataclass(frozen=True)
class Figure:
    """A number that a check measured.

    Attributes:
        name: unique name, such as "memory.tls_session".
        title: what it is, as a noun in a few words.
        value: the number.
        unit: "B", "s" or "" for a count.
        better: "lower" or "higher": which direction is better.
        tolerance: by how much a later value may be worse without a complaint, in the same unit.
        source: the ID of the check that measured it; the engine fills it in.
    """

    name: str
    title: str
    value: float
    unit: str = ""
    better: str = "lower"
    tolerance: float = 0
    source: str = ""

    @property
    def amount(self) -> str:
        """The number with its unit, such as "29,152 B"."""
        number = f"{self.value:,.0f}" if self.unit in ("B", "") else f"{self.value:.3g}"
        return f"{number} {self.unit}".rstrip()

    def __str__(self) -> str:
        """Return it for a reader, such as "heap per TLS session: 29,152 B"."""
        return f"{self.title}: {self.amount}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        sentence: what happened, and what should have happened.
        case: which of the check's cases; "" for a check without cases.
        severity: what it means.
        traits: sentences that explain it by known properties of the server's software.
        console: the console's errors and warnings of that moment, grouped and counted.
    """

    sentence: str
    severity: Severity
    case: str = ""
    traits: Sequence[str] = ()
    console: Sequence[str] = ()


def labelled(case: str, sentence: str) -> str:
    """Return a finding's sentence after its case, unless the sentence itself names the case."""
    if not case or all(_names(sentence, part) for part in case.split(", ")):
        return sentence
    return f"{case}: {sentence}"


def _names(sentence: str, part: str) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(part)}(?!\w|\.\w)", sentence, re.IGNORECASE))


@dataclass(frozen=True)
class Result:
    """How one check ended on one server.

    Attributes:
        id: the check's name, with "@PORT" where several servers have it.
        name: the check's name, such as "tls.slow_client".
        title: what the device has to do, as a sentence.
        source: the RFC section or ESP-IDF file that says so.
        outcome: how it ended.
        sentence: the outcome in one sentence; "" for a check that simply passed.
        findings: what is wrong; empty unless the outcome is failed.
        figures: what was measured.
        seconds: how long it took.
        cases: how many cases ran.
        evidence: the folders with the evidence of a failure, one for each device that failed.
        untried: the check's cases that did not run, so that nothing is known about them.
    """

    id: str
    name: str
    title: str
    source: str
    outcome: Outcome
    sentence: str = ""
    findings: Sequence[Finding] = ()
    figures: Sequence[Figure] = ()
    seconds: float = 0.0
    cases: int = 0
    evidence: tuple[Path, ...] = field(default=(), compare=False)
    untried: Sequence[str] = ()

    @property
    def family(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def severity(self) -> Severity | None:
        """The worst severity of its findings; None without any."""
        order = list(Severity)
        return min((f.severity for f in self.findings), key=order.index, default=None)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "outcome": self.outcome.value,
            "severity": self.severity.value if self.severity else None,
            "sentence": self.sentence,
            "findings": [
                {
                    "case": f.case,
                    "severity": f.severity.value,
                    "sentence": f.sentence,
                    "traits": list(f.traits),
                    "console": list(f.console),
                }
                for f in self.findings
            ],
            "figures": [asdict(figure) for figure in self.figures],
            "cases": self.cases,
            "seconds": round(self.seconds, 3),
            "evidence": [str(each) for each in self.evidence],
            "untried": list(self.untried),
        }
