# SPDX-License-Identifier: MIT
"""A summary of checks in Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from espbench.check.report.document import Document, sentence_of
from espbench.check.report.rows import rows
from espbench.check.result import Outcome, Result

__all__ = ["markdown"]

HEADS = ("check", "outcome", "what happened")

_SPECIAL = re.compile(r"[\\`*_\[\]<>|#]")


def markdown(document: Document) -> str:
    """Return the summary: what fails the gate first, everything in a collapsed section."""
    parts = [f"### {document.summary()}", ""]
    it = document.comparison
    closing = [r for r in document.run.results if _closes(document, r)]
    if closing:
        parts += [*_table(document, closing), ""]
    for title, lines in (
        ("Worse", [str(moved) for moved in it.worse] if it else []),
        ("Not measured any more", [str(figure) for figure in it.lost] if it else []),
        ("Gone", [f"{k.check} {k.case}: {k.sentence}" for k in it.gone] if it else []),
        ("Better", [str(moved) for moved in it.better] if it else []),
    ):
        if lines:
            parts += [f"**{title}**", "", *(f"- {_safe(line)}" for line in lines), ""]
    for result in closing:
        for block in document.blocks(result, new=True):
            parts += [f"- **{result.id}** " + "<br>".join(_safe(line) for line in block)]
    parts += ["", "<details><summary>All checks</summary>", ""]
    parts += [*_table(document, document.run.results), "", "</details>"]
    footer = ", ".join(
        f"{name} {_safe(value)}" for name, value in sorted(document.versions.items())
    )
    return "\n".join([*parts, "", f"<sub>{footer}</sub>", ""])


def _closes(document: Document, result: Result) -> bool:
    if result.outcome is Outcome.ERROR:
        return True
    return any(document.is_new(result, finding) for finding in result.findings)


def _table(document: Document, results: Iterable[Result]) -> Sequence[str]:
    lines = [f"| {' | '.join(HEADS)} |", "|---|---|---|"]
    for row in rows(results):
        cells = (row.id, document.outcome(row.first), sentence_of(row.first))
        lines.append(f"| {' | '.join(_safe(cell) for cell in cells)} |")
    return lines


def _safe(text: str) -> str:
    """Escape what Markdown or a table would take for its own; the device chose some of it."""
    escaped = _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)
    return " ".join(escaped.split())
