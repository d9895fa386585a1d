# SPDX-License-Identifier: MIT
"""A summary of checks in Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from espbench.check.report.document import Document
from espbench.check.report.rows import Row, worst_first
from espbench.check.result import Outcome, Result, labelled

__all__ = ["markdown"]

HEADS = ("check", "outcome", "what happened")
MOST_SENTENCES = 10
"""Failures of one check that are shown at most: a comment has 64 kB."""

_SPECIAL = re.compile(r"[\\`*_\[\]<>|#]")


def markdown(document: Document, project: Path | None = None) -> str:
    """Return the summary: what fails the gate first, everything in a collapsed section.

    Args:
        document: the finished run.
        project: a folder; evidence in it is shown relative to it, as in a job's artifacts.
    """
    parts = [f"### {document.summary()}", ""]
    it = document.comparison
    table = worst_first(document)
    closing = [row for row in table if _closes(document, row.first)]
    if closing:
        parts += [*_table(document, closing), ""]
    for title, lines in (
        ("Worse", [str(moved) for moved in it.worse] if it else []),
        ("No longer measured", [str(figure) for figure in it.lost] if it else []),
        ("Gone", [f"{k.check}: {labelled(k.case, k.sentence)}" for k in it.gone] if it else []),
        ("Better", [str(moved) for moved in it.better] if it else []),
    ):
        if lines:
            parts += [f"**{title}**", "", *(f"- {_safe(line)}" for line in lines), ""]
    for each in document.explanations(new=True):
        first, *rest = each.lines(MOST_SENTENCES)
        parts.append(f"- **{_safe(each.heading)}**: {_safe(first)}")
        if project is not None:
            rest = [line.replace(f"evidence: {project}/", "evidence: ") for line in rest]
        parts += [f"  - {_item(line.removeprefix('- '))}" for line in rest]
    parts += ["", "<details><summary>All checks</summary>", ""]
    parts += [*_table(document, table), "", "</details>"]
    footer = ", ".join(
        f"{name} {_safe(value)}" for name, value in sorted(document.versions.items())
    )
    return "\n".join([*parts, "", f"<sub>{footer}</sub>", ""])


def _closes(document: Document, result: Result) -> bool:
    if result.outcome is Outcome.ERROR:
        return True
    return any(document.is_new(result, finding) for finding in result.findings)


def _table(document: Document, rows: Sequence[Row]) -> Sequence[str]:
    lines = [f"| {' | '.join(HEADS)} |", "|---|---|---|"]
    for row in rows:
        cells = (document.outcome(row.first), document.sentence(row.first))
        lines.append(f"| {_code(row.id)} | {' | '.join(_safe(cell) for cell in cells)} |")
    return lines


def _item(line: str) -> str:
    """Return a line of a list; a command stands in a code span, so that it can be copied."""
    rerun, found, command = line.partition("rerun: ")
    return f"rerun: {_code(command)}" if found and not rerun else _safe(line)


def _code(text: str) -> str:
    """Return a code span, if nothing in the text would end it."""
    return _safe(text) if "`" in text or "|" in text else f"`{text}`"


def _safe(text: str) -> str:
    """Escape what Markdown or a table would take for its own; the device chose some of it."""
    escaped = _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text)
    return " ".join(escaped.split())
