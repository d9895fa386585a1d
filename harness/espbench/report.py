"""The HTML report of a run: one file, no network, readable on a phone, light and dark."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from espbench.figures import Mark
from espbench.results import Suite

if TYPE_CHECKING:
    from espbench.run import Run

ROW = 26
"""Height of a row of the boot's timeline, in SVG units."""
WIDTH = 720
LABEL = 250


@dataclass(frozen=True)
class Folder:
    """A folder of evidence: its name, and where it is from the report."""

    name: str
    href: str


def render(run: Run, page: Path) -> str:
    """Return the report as HTML that goes to `page`."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("espbench", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    results = run.results
    return environment.get_template("report.html").render(
        run=run,
        results=results,
        verdict="passed" if run.good else "failed",
        suites=[(suite, bar(suite)) for suite in results.suites()],
        timeline=timeline(run.boot),
        failures=[
            (case, [folder(path, page) for path in case.evidence]) for case in results.failures()
        ],
        slowest=sorted(results.cases.values(), key=lambda case: -case.seconds)[:10],
        started=run.started.strftime("%Y-%m-%d %H:%M UTC"),
    )


def folder(path: str, page: Path) -> Folder:
    """Return how the page refers to a folder of evidence: relative, so that both can be moved."""
    # The plugin says "folder (and what could not be saved)" when something could not.
    place = Path(path.partition(" (")[0])
    return Folder(
        place.name, Path(os.path.relpath(place.absolute(), page.absolute().parent)).as_posix()
    )


def bar(suite: Suite) -> Markup:
    """Return a bar with the shares of passed, failed and skipped scenarios, as SVG."""
    if not suite.total:
        return Markup("")
    parts, x = [], 0.0
    for name in ("passed", "failed", "skipped"):
        width = 100 * getattr(suite, name) / suite.total
        if width:
            parts.append(f'<rect class="{name}" x="{x:.2f}" width="{width:.2f}" height="8"/>')
            x += width
    words = f"{suite.passed} passed, {suite.failed} failed, {suite.skipped} skipped"
    return Markup(
        f'<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" '
        f'aria-label="{words}">{"".join(parts)}</svg>'
    )


def timeline(marks: Sequence[Mark]) -> Markup:
    """Return the boot as SVG: a row for each event, as long as it took until then."""
    if not marks:
        return Markup("")
    end = max(mark.at for mark in marks) or 1.0
    room = WIDTH - LABEL - 80
    height = ROW * len(marks)
    rows = []
    before = 0.0
    for number, mark in enumerate(marks):
        y = ROW * number
        start, stop = LABEL + room * before / end, LABEL + room * mark.at / end
        rows.append(
            f'<text x="0" y="{y + 17}">{escape(mark.name)}</text>'
            f'<rect class="wait" x="{LABEL}" y="{y + 8}" width="{room}" height="10" rx="2"/>'
            f'<rect class="step" x="{start:.1f}" y="{y + 8}" width="{max(stop - start, 1.5):.1f}" '
            f'height="10" rx="2"/>'
            f'<text class="at" x="{WIDTH}" y="{y + 17}">{mark.at * 1000:,.1f} ms</text>'
        )
        before = mark.at
    return Markup(
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="What happened in a boot, and when">{"".join(rows)}</svg>'
    )
