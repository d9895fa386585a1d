# SPDX-License-Identifier: MIT
"""The table of results on a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from espbench.check.report.document import Document
from espbench.check.report.rows import rows
from espbench.check.report.styles import STYLES

__all__ = ["table"]


def table(document: Document) -> Table:
    """Return the table: family, check, outcome, one sentence; above it the versions."""
    title = Text(document.software) if document.software else None
    made = Table(title=title, title_justify="left", header_style="dim")
    for head in ("family", "check", "outcome"):
        made.add_column(head, no_wrap=True)
    made.add_column("what happened", overflow="fold")
    for row in rows(document.run.results):
        result = row.first
        outcome = document.outcome(result)
        style = "yellow" if outcome.startswith("known") else STYLES[result.outcome]
        made.add_row(
            result.family,
            row.check,
            Text(outcome, style),
            Text(document.sentence(result)),
        )
    return made
