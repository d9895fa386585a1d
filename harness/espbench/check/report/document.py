# SPDX-License-Identifier: MIT
"""`Document`: everything that a report of checks shows; pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from espbench.check.baseline import Comparison
from espbench.check.result import Finding, Outcome, Result
from espbench.check.run import CheckRun
from espbench.flash.software import SOFTWARE

__all__ = ["Document", "sentence_of"]

JOINED = 2
"""Findings that a table's row shows at most."""


def sentence_of(result: Result) -> str:
    """Return a result's sentence for a table: what is wrong, what was seen, or nothing."""
    if not result.findings:
        figures = "; ".join(str(figure) for figure in result.figures)
        return " ".join(part for part in (result.sentence, figures) if part)
    parts = [f"{f.case}: {f.sentence}" if f.case else f.sentence for f in result.findings]
    rest = len(parts) - JOINED
    return " ".join(parts[:JOINED]) + (f" (and {rest} more)" if rest > 0 else "")


@dataclass(frozen=True)
class Document:
    """A finished run, compared with a baseline if there is one.

    Attributes:
        run: the run.
        command: the command that made it, as arguments, without those that choose checks or output.
        comparison: against the baseline; None without one.
        versions: names and versions of what it depends on.
    """

    run: CheckRun
    command: Sequence[str]
    comparison: Comparison | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def software(self) -> str:
        """What ran, in one line: the versions that the image names, and QEMU's."""
        names = [name for name in (*SOFTWARE, "QEMU") if name in self.versions]
        return ", ".join(f"{name} {self.versions[name]}" for name in names)

    @property
    def good(self) -> bool:
        """Whether it passes the gate: nothing new failed, no figure got worse, no error.

        A run that was interrupted does not.
        """
        if self.comparison is None or self.run.interruption:
            return self.run.good
        errors = any(each.outcome is Outcome.ERROR for each in self.run.results)
        return self.comparison.passes and not errors

    @property
    def interrupted(self) -> str:
        """How far an interrupted run came, in a sentence; "" for any other."""
        if self.run.interruption is None:
            return ""
        if not self.run.planned:
            return "Interrupted before the first check."
        return f"Interrupted after {self.run.done} of {_count(self.run.planned, 'check')}."

    def repeats(self, result: Result, finding: Finding | None = None) -> str:
        """Return the command that runs one check again, or the case of a finding."""
        case = f":{finding.case}" if finding is not None and finding.case else ""
        return shlex.join([*self.command, "--only", f"{result.id}{case}"])

    def is_new(self, result: Result, finding: Finding) -> bool:
        """Return whether a failure is not in the baseline."""
        if self.comparison is None:
            return True
        return any(r.id == result.id and f is finding for r, f in self.comparison.new)

    def outcome(self, result: Result) -> str:
        """Return a result's outcome for a table."""
        severity = f" ({result.severity.value})" if result.severity else ""
        if self.comparison is not None and self.comparison.is_known(result):
            return f"known{severity}"
        return result.outcome.value + severity

    def summary(self) -> str:
        """Return the outcomes in one or two sentences."""
        results = self.run.results
        known = [each for each in results if self.comparison and self.comparison.is_known(each)]
        counts = Counter(each.outcome.value for each in results if each not in known)
        counts["known"] = len(known)
        order = [each.value for each in Outcome]
        order.insert(order.index(Outcome.FAILED.value) + 1, "known")
        parts = [f"{counts[each]} {each}" for each in order if counts[each]]
        text = f"{_count(len(results), 'check')}: {', '.join(parts) or 'none ran'}."
        if self.interrupted:
            text = f"{self.interrupted} {text}" if results else self.interrupted
        if self.comparison is None:
            return text
        it = self.comparison
        if self.interrupted and self.comparison.passes:
            return text  # neither passed nor failed
        if self.good:
            text += " Gate passed: no new failure, no worse figure."
        else:
            new = _count(len(it.new), "new failure")
            worse = _count(len(it.worse) + len(it.lost), "worse or lost figure")
            text += f" Gate failed: {new}, {worse}."
        if it.gone or it.better:
            gone, better = _count(len(it.gone), "failure"), _count(len(it.better), "figure")
            named = [f"{each.check}:{each.case}".rstrip(":") for each in it.gone]
            which = f" ({', '.join(dict.fromkeys(named))})" if named else ""
            text += f" {gone} gone{which} and {better} better: keep that with --update."
        return text

    def blocks(self, result: Result, *, new: bool = False) -> list[list[str]]:
        """Return the lines that explain a result's failures, most important first.

        Failures that differ in their cases alone share a block.

        Args:
            result: the result.
            new: whether to leave out the failures that are known.
        """
        groups: dict[object, list[Finding]] = {}
        for finding in result.findings:
            known = not self.is_new(result, finding)
            if not (new and known):
                groups.setdefault((finding.severity, known), []).append(finding)
        return [self._block(result, group) for group in groups.values()]

    def _block(self, result: Result, findings: Sequence[Finding]) -> list[str]:
        first = findings[0]
        known = "" if self.is_new(result, first) else " (known)"
        lines = [f"{f.case}: {f.sentence}" if f.case else f.sentence for f in findings]
        if len(findings) > 1:
            lines = [f"{len(findings)} failures:", *(f"- {line}" for line in lines)]
        lines.append(f"expected: {result.title} [{first.severity.value}{known}; {result.source}]")
        traits = dict.fromkeys(trait for finding in findings for trait in finding.traits)
        lines += [f"trait: {trait}" for trait in traits]
        console = dict.fromkeys(line for finding in findings for line in finding.console)
        lines += [f"console: {line}" for line in console]
        # One case, or all: a list of cases would be longer than what it explains.
        cases = {finding.case for finding in findings}
        lines.append(f"again: {self.repeats(result, first if len(cases) == 1 else None)}")
        if result.evidence is not None:
            lines.append(f"evidence: {result.evidence}")
        return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
