# SPDX-License-Identifier: MIT
"""`rows`: a table's rows, in which checks that do not apply for one reason share one; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from espbench.check.report.document import Document
from espbench.check.result import Outcome, Result, Severity

__all__ = ["Row", "rows", "worst_first"]


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        results: one result, or several of a family that are not applicable for the same reason.
    """

    results: Sequence[Result]

    @property
    def first(self) -> Result:
        """The first of its results."""
        return self.results[0]

    @property
    def check(self) -> str:
        """The name of its check without the family, or the number of its checks."""
        if len(self.results) > 1:
            return f"{len(self.results)} checks"
        return self.first.id.partition(".")[2]

    @property
    def id(self) -> str:
        """The ID of its check, or the family and the number of its checks."""
        return f"{self.first.family}: {self.check}" if len(self.results) > 1 else self.first.id

    @property
    def names(self) -> str:
        """The IDs of its checks."""
        return ", ".join(result.id for result in self.results)


def rows(results: Iterable[Result]) -> list[Row]:
    """Return the rows for results, in the order of their first results."""
    grouped: dict[object, list[Result]] = {}
    for result in results:
        shared = result.outcome is Outcome.NOT_APPLICABLE
        key = (result.family, result.sentence) if shared else id(result)
        grouped.setdefault(key, []).append(result)
    return [Row(tuple(group)) for group in grouped.values()]


def worst_first(document: Document) -> list[Row]:
    """Return the rows for a run: new failures by severity, then errors, then the other outcomes."""
    known = "known"
    order: list[Severity | Outcome | str] = [*Severity, Outcome.ERROR, known]
    order += [Outcome.OBSERVED, Outcome.PASSED, Outcome.NOT_APPLICABLE]

    def rank(row: Row) -> int:
        result = row.first
        if document.outcome(result).startswith(known):
            return order.index(known)
        return order.index(result.severity or result.outcome)

    return sorted(rows(document.run.results), key=rank)
