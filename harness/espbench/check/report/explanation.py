# SPDX-License-Identifier: MIT
"""`Explanation`: what a report says about failures of one check; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from espbench.check.diagnosis.console_lines import kind_of
from espbench.check.diagnosis.traits import label_of
from espbench.check.result import Finding, Result, Severity, labelled
from espbench.util.listing import listing

__all__ = ["Explanation", "sentences"]

_TIMES = re.compile(r" \((\d+) times\)$")
"""How a finding's line of the console ends that came several times."""
_CASE = "\0"
"""Stands for the case that a sentence names in parentheses."""
NAMED = 4
"""Cases that a sentence names at most."""


def sentences(findings: Iterable[Finding]) -> list[str]:
    """Return what is wrong, each sentence once, with the cases to which it applies.

    A sentence that has its case in parentheses lists all cases there.
    """
    cases: dict[str, list[str]] = {}
    for finding in findings:
        sentence, case = _apart(finding)
        cases.setdefault(sentence, []).append(case)
    return [_joined(names, sentence) for sentence, names in cases.items()]


def _apart(finding: Finding) -> tuple[str, str]:
    """Return a finding's sentence, with a mark for a case in parentheses, and the case."""
    parts = finding.case.split(", ")
    for part in (", ".join(parts[at:]) for at in range(len(parts))):
        before, found, after = finding.sentence.partition(f"({part})")
        if found and part and part not in before + after:
            return f"{before}({_CASE}){after}", part
    return finding.sentence, finding.case


def _joined(cases: Sequence[str], sentence: str) -> str:
    before, mark, after = sentence.partition(_CASE)
    if not mark and len(cases) == 1:
        return labelled(cases[0], sentence)
    rest = len(cases) - NAMED
    named = listing(list(cases) if rest <= 1 else [*cases[:NAMED], f"{rest} more"])
    return f"{before}{named}{after}" if mark else f"{named}: {sentence}"


@dataclass(frozen=True)
class Explanation:
    """Failures of one check with the same severity, and what explains them.

    Attributes:
        result: the check's result.
        severity: what the failures mean.
        known: whether the baseline has all of them; otherwise it has none.
        findings: the failures, at least one.
        rerun: the command that runs the check again.
    """

    result: Result
    severity: Severity
    known: bool
    findings: Sequence[Finding]
    rerun: str

    @property
    def heading(self) -> str:
        """The check with the severity, such as "tls.alerts (conformance)"."""
        return f"{self.result.id} ({self.severity.value}{', known' if self.known else ''})"

    @property
    def sentences(self) -> list[str]:
        """What is wrong, a sentence for each kind."""
        return sentences(self.findings)

    @property
    def expected(self) -> str:
        """What the device has to do, and the source that says so."""
        return f"{self.result.title} ({self.result.source})"

    @property
    def traits(self) -> list[str]:
        """Known behaviour of the server's software that explains it."""
        return list(dict.fromkeys(trait for each in self.findings for trait in each.traits))

    @property
    def console(self) -> list[str]:
        """The console's errors and warnings of that time, each once, with its count.

        Lines that differ in decimal numbers alone are one, as in each finding.
        """
        counts: Counter[str] = Counter()
        shown: dict[str, str] = {}
        for line in (line for each in self.findings for line in each.console):
            found = _TIMES.search(line)
            text = _TIMES.sub("", line)
            key = kind_of(text)
            counts[key] += int(found[1]) if found else 1
            shown.setdefault(key, text)
        return [f"{shown[key]} ({n} times)" if n > 1 else shown[key] for key, n in counts.items()]

    def lines(self, most: int | None = None) -> list[str]:
        """Return it as lines of text, the most important one first.

        Args:
            most: sentences to show at most; None for all.
        """
        wrong = self.sentences
        lines = wrong
        if len(wrong) > 1:
            lines = [f"{len(self.findings)} failures:", *(f"- {each}" for each in wrong[:most])]
            if most is not None and len(wrong) > most:
                lines.append(f"- and {len(wrong) - most} more, which the HTML report shows")
        lines = [*lines, f"expected: {self.expected}"]
        lines += [f"{label_of(trait)}: {trait}" for trait in self.traits]
        lines += [f"console: {line}" for line in self.console]
        lines.append(f"rerun: {self.rerun}")
        lines += [f"evidence: {folder}" for folder in self.result.evidence]
        return lines
