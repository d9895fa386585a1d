# SPDX-License-Identifier: MIT
"""`Document`: everything that a report of checks shows; pure."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from espbench.boards.emulators import TITLES
from espbench.check.baseline import Comparison
from espbench.check.report.explanation import Explanation, sentences
from espbench.check.result import Finding, Outcome, Result, Severity
from espbench.check.run import CheckRun
from espbench.flash.software import SOFTWARE
from espbench.util.listing import counted, listing

__all__ = ["Document", "sentence_of"]

JOINED = 2
"""Findings that a table's row shows at most."""


def sentence_of(result: Result) -> str:
    """Return a result's sentence for a table: what is wrong, what was seen, or nothing."""
    if not result.findings:
        figures = "; ".join(str(figure) for figure in result.figures)
        return " ".join(part for part in (result.sentence, figures) if part)
    parts = sentences(result.findings)
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
        """What ran, in one line: the versions that the image names, and the emulator's."""
        names = [name for name in (*SOFTWARE, *TITLES.values()) if name in self.versions]
        return ", ".join(f"{name} {self.versions[name]}" for name in names)

    @property
    def good(self) -> bool:
        """Whether it passes the gate: nothing new failed, no figure got worse, no error.

        A run that was interrupted, or in which no check applied, does not.
        """
        if self.comparison is None or self.run.empty or self.run.interruption:
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
        return f"Interrupted after {self.run.done} of {counted(self.run.planned, 'check')}."

    def repeats(self, result: Result, finding: Finding | None = None) -> str:
        """Return the command that runs one check again, or the case of a finding."""
        case = f":{finding.case}" if finding is not None and finding.case else ""
        return shlex.join([*self.command, "--only", f"{result.id}{case}"])

    def is_new(self, result: Result, finding: Finding) -> bool:
        """Return whether a failure is not in the baseline."""
        if self.comparison is None:
            return True
        return any(r.id == result.id and f is finding for r, f in self.comparison.new)

    def new(self, result: Result) -> Result:
        """Return a result without the failures that are in the baseline."""
        return replace(result, findings=tuple(f for f in result.findings if self.is_new(result, f)))

    def sentence(self, result: Result) -> str:
        """Return a result's sentence for a table; of new failures, if some are known."""
        new = self.new(result)
        known = len(sentences(result.findings)) - len(sentences(new.findings))
        if not new.findings or known <= 0:
            return sentence_of(result)
        return f"{sentence_of(new)} ({known} known)"

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
        text = f"{counted(len(results), 'check')}: {', '.join(parts) or 'none ran'}."
        if self.run.empty:
            text += " Nothing was checked."
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
            new = counted(len(it.new), "new failure")
            worse = counted(len(it.worse) + len(it.lost), "worse or lost figure")
            text += f" Gate failed: {new}, {worse}."
        if it.gone or it.better:
            named = [f"{each.check}:{each.case}".rstrip(":") for each in it.gone]
            changes = []
            if named:
                which = ", ".join(dict.fromkeys(named))
                changes.append(f"{counted(len(named), 'known failure')} gone ({which})")
            if it.better:
                changes.append(f"{counted(len(it.better), 'figure')} better")
            text += f" {listing(changes)}: record this with --update."
        return text

    def explanations(self, *, new: bool = False) -> list[Explanation]:
        """Return what explains the failures of all results, the worst severity first.

        Args:
            new: whether to leave out the failures that are known.
        """
        found = [each for result in self.run.results for each in self.explain(result, new=new)]
        order = list(Severity)
        return sorted(found, key=lambda each: (each.known, order.index(each.severity)))

    def explain(self, result: Result, *, new: bool = False) -> list[Explanation]:
        """Return what explains a result's failures.

        Failures of one severity, all known or all new, share an explanation.

        Args:
            result: the result.
            new: whether to leave out the failures that are known.
        """
        groups: dict[tuple[Severity, bool], list[Finding]] = {}
        for finding in result.findings:
            known = not self.is_new(result, finding)
            if not (new and known):
                groups.setdefault((finding.severity, known), []).append(finding)
        return [
            Explanation(result, severity, known, findings, self._rerun(result, findings))
            for (severity, known), findings in groups.items()
        ]

    def _rerun(self, result: Result, findings: Sequence[Finding]) -> str:
        # One case, or all: a list of cases would be longer than what it explains.
        cases = {finding.case for finding in findings}
        return self.repeats(result, findings[0] if len(cases) == 1 else None)
