# SPDX-License-Identifier: MIT
"""Writes the gate's outcome as a table, Markdown, JUnit XML and JSON; pure."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from junitparser import Failure, JUnitXml, Skipped, TestCase, TestSuite
from rich.table import Table
from rich.text import Text

from espbench.perf.gate import Difference, Row, Verdict, passes
from espbench.perf.metrics import COMPILER, amount

STYLES: Mapping[Verdict, str] = {
    "worse": "bold red",
    "lost": "bold red",
    "better": "green",
    "new": "yellow",
    "unavailable": "yellow",
    "not comparable": "yellow",
}
SKIPPED: frozenset[Verdict] = frozenset({"unavailable", "new", "not comparable"})
"""Verdicts that count as skipped tests in JUnit XML."""
HEADS = ("figure", "before", "now", "change", "tolerated", "verdict")


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells, in the order of `HEADS`."""
    values = [
        "unavailable" if value is None else amount(value, row.unit)
        for value in (row.before, row.after)
    ]
    return (row.title, *values, row.shown_change(), row.tolerance.shown(row.unit), row.verdict)


def summary(rows: Sequence[Row], board: str) -> str:
    """Return the outcome in one sentence, with hints in further ones."""
    bad = sum(row.bad for row in rows)
    apart = len(_apart(rows))
    count = len(_measured(rows)) - apart
    hint = f" {apart} are not comparable." if apart else ""
    if bad:
        return f"The gate for {board} is closed: {bad} of {count} figures got worse.{hint}"
    if apart and not count:
        return f"The gate for {board} is open, but none of {apart} figures is comparable."
    better = sum(row.verdict == "better" for row in rows)
    hint += f" {better} got better: keep that with --update." if better else ""
    return f"The gate for {board} is open: none of {count} figures got worse.{hint}"


def what_next(rows: Sequence[Row], different: Sequence[Difference] = ()) -> str:
    """Return advice about a closed gate and about figures that are not comparable, or ""."""
    advice = []
    if not passes(rows):
        advice.append(
            "Find the cause; if the change is intended, run the same `espbench gate` with "
            "--update and commit the baseline for review."
        )
    if _apart(rows):
        versions = " and ".join(
            one.before if one.name == COMPILER else f"{one.name} {one.before}" for one in different
        )
        advice.append(
            f"To compare all figures, build and measure with {versions} like the baseline (in "
            "CI's container), or write your own baseline with --update and another --baseline "
            "FILE."
        )
    return " ".join(advice)


def reasons(rows: Sequence[Row]) -> list[str]:
    """Return why figures are missing, with one sentence for all that have the same reason."""
    found: dict[tuple[Verdict, str], list[Row]] = {}
    for row in rows:
        if row.reason:
            found.setdefault((row.verdict, "" if row.bad else row.reason), []).append(row)
    sentences = []
    for (verdict, reason), same in found.items():
        if reason and len(same) > 1:
            what = "available" if verdict == "unavailable" else "comparable"
            sentences.append(f"{len(same)} figures are not {what}: {reason}")
        else:
            sentences += [row.sentence() for row in same]
    return sentences


def _apart(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that are not comparable."""
    return [row for row in rows if row.verdict == "not comparable"]


def _measured(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that have a value."""
    return [row for row in rows if row.verdict != "unavailable"]


def table(rows: Sequence[Row]) -> Table:
    """Return a table for a terminal, without figures that neither side could measure."""
    made = Table()
    for head in HEADS:
        right = head not in ("figure", "verdict")
        made.add_column(head, justify="right" if right else "left", no_wrap=True)
    for row in _measured(rows):
        *values, verdict = cells(row)
        made.add_row(*values, Text(verdict, STYLES.get(row.verdict, "dim")))
    return made


def markdown(
    rows: Sequence[Row],
    board: str,
    versions: Mapping[str, str],
    different: Sequence[Difference] = (),
) -> str:
    """Return a summary for a pull request: the changes, and all figures in a collapsed section."""
    quiet = ("same", "moved", "unavailable", "not comparable")
    moved = [row for row in rows if row.verdict not in quiet]
    parts = [f"### {summary(rows, board)}", ""]
    if advice := what_next(rows, different):
        parts += [advice, ""]
    if moved:
        parts += [*_markdown_table(moved), ""]
    if why := reasons(rows):
        parts += [*(f"- {sentence}" for sentence in why), ""]
    parts += ["<details><summary>All figures</summary>", ""]
    parts += [*_markdown_table(_measured(rows)), "", "</details>"]
    footer = ", ".join(f"{name} {value}" for name, value in sorted(versions.items()))
    return "\n".join([*parts, "", f"<sub>{footer}</sub>", ""])


def _markdown_table(rows: Sequence[Row]) -> list[str]:
    lines = [f"| {' | '.join(HEADS)} |", "|---|---:|---:|---:|---:|---|"]
    for row in rows:
        *values, verdict = cells(row)
        verdict = f"**{verdict}**" if row.bad else verdict
        lines.append(f"| {' | '.join([*values, verdict])} |")
    return lines


def junit(rows: Sequence[Row], board: str) -> str:
    """Return JUnit XML with a test for each figure."""
    suite = TestSuite(f"gate {board}")
    for row in rows:
        case = TestCase(row.title, f"gate.{board}")
        if row.bad:
            case.result = [Failure(row.sentence(), row.verdict)]
        elif row.verdict in SKIPPED:
            case.result = [Skipped(row.sentence())]
        else:
            case.system_out = row.sentence()
        suite.add_testcase(case)
    report = JUnitXml()
    report.add_testsuite(suite)
    text = io.BytesIO()
    report.write(text, pretty=True)
    return text.getvalue().decode()


def as_json(
    rows: Sequence[Row],
    board: str,
    versions: Mapping[str, str],
    different: Sequence[Difference] = (),
) -> dict[str, Any]:
    """Return the outcome as a JSON object."""
    return {
        "board": board,
        "passed": passes(rows),
        "versions": dict(versions),
        "differences": {one.name: {"before": one.before, "now": one.now} for one in different},
        "figures": {
            row.key: {
                "title": row.title,
                "unit": row.unit,
                "before": row.before,
                "now": row.after,
                "change": row.change,
                "tolerance": row.tolerance.amount,
                "tolerance_is_percent": row.tolerance.percent,
                "verdict": row.verdict,
                "reason": row.reason,
            }
            for row in rows
        },
    }
