# SPDX-License-Identifier: MIT
"""Renders a comparison as a table for the terminal, as Markdown, JSON and HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from espbench.device.boot_phases import BootPhase
from espbench.reporting.boot_chart import picture
from espbench.reporting.html import template
from espbench.reporting.parity.compare import Comparison, Row
from espbench.reporting.parity.expected import Known

UNEXPLAINED = "unexplained"
STALE = "no scenario differs like this any more: remove it from the table"
STYLES = {"passed": "green", "failed": "bold red", "skipped": "yellow", "missing": "magenta"}


def table(comparison: Comparison) -> Table:
    """Return a table of the rows that differ, and of the stale explanations."""
    one, other = comparison.boards
    made = Table()
    for title in ("scenario", one, other, "why"):
        made.add_column(title, overflow="fold")
    for row in comparison.rows:
        cells = [Text(str(seen), STYLES[seen.kind]) for seen in row.seen]
        why = Text(row.known.why) if row.known else Text(UNEXPLAINED, "bold red")
        made.add_row(Text(row.scenario), *cells, why)
    for known in comparison.stale:
        outcomes = [Text(known.outcomes[board], "dim") for board in comparison.boards]
        made.add_row(Text(known.scenario), *outcomes, Text(STALE, "bold red"))
    return made


def differs(comparison: Comparison) -> bool:
    """Return whether there is anything to show in a table."""
    return bool(comparison.rows or comparison.stale)


def summary(comparison: Comparison) -> str:
    """Return the comparison in one sentence."""
    one, other = comparison.boards
    alike = ", ".join(f"{count} {kind}" for kind, count in comparison.alike.items()) or "none"
    rows, bad = len(comparison.rows), len(comparison.unexplained)
    return (
        f"{one} and {other}: alike: {sum(comparison.alike.values())} ({alike}); "
        f"different: {rows} ({rows - bad} explained, {bad} unexplained); "
        f"stale in the table: {len(comparison.stale)}."
    )


def markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown, with explained rows grouped by their explanation."""
    lines = [summary(comparison), ""]
    lines += [f"**{' '.join(text.split())}**\n" for text in comparison.complaints]
    if differs(comparison):
        lines += [_line("scenario", *comparison.boards, "why"), "|---|---|---|---|"]
    # Entries contain mappings and cannot be hashed, so use their identity.
    counts = Counter(id(row.known) for row in comparison.rows if row.known)
    for known in _explanations(comparison.rows):
        count = counts[id(known)]
        times = "" if count == 1 and "*" not in known.scenario else f" ({count})"
        outcomes = [_code(known.outcomes[board]) for board in comparison.boards]
        lines.append(_line(_code(known.scenario) + times, *outcomes, known.why))
    for row in comparison.unexplained:
        outcomes = [_code(str(seen)) for seen in row.seen]
        lines.append(_line(_code(row.scenario), *outcomes, f"**{UNEXPLAINED}**"))
    for known in comparison.stale:
        outcomes = [_code(known.outcomes[board]) for board in comparison.boards]
        lines.append(_line(_code(known.scenario), *outcomes, f"**{STALE}**"))
    return "\n".join(lines).rstrip() + "\n"


def _explanations(rows: Sequence[Row]) -> list[Known]:
    """Return each explanation once, in the order of the rows."""
    return list({id(row.known): row.known for row in rows if row.known}.values())


def _code(text: str) -> str:
    """Return text as inline code, where asterisks and angle brackets are literal."""
    return text if text.isalpha() else "`{}`".format(text.replace("`", "'"))


def _line(*cells: str) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as a JSON object."""
    return {
        "good": comparison.good,
        "boards": list(comparison.boards),
        "alike": dict(comparison.alike),
        "rows": [
            {
                "scenario": row.scenario,
                "outcomes": {
                    board: {"outcome": seen.kind, "message": seen.message}
                    for board, seen in zip(comparison.boards, row.seen, strict=True)
                },
                "why": row.known.why if row.known else None,
            }
            for row in comparison.rows
        ],
        "stale": [
            {"scenario": known.scenario, "outcomes": dict(known.outcomes), "why": known.why}
            for known in comparison.stale
        ],
        "complaints": list(comparison.complaints),
    }


def page(comparison: Comparison, boots: Mapping[str, Sequence[BootPhase]]) -> str:
    """Return the comparison as HTML, with a chart of each board's boot."""
    return template("parity.html").render(
        it=comparison,
        verdict="passed" if comparison.good else "failed",
        summary=summary(comparison),
        unexplained=UNEXPLAINED,
        stale=STALE,
        boots=picture(boots),
    )
