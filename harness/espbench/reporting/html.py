# SPDX-License-Identifier: MIT
"""Renders the HTML report of a run, a self-contained file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from espbench.reporting import evidence_reader, history
from espbench.reporting import heap_chart as heap_picture
from espbench.reporting import trend_chart as trend_picture
from espbench.reporting.boot_chart import picture
from espbench.reporting.model import Run
from espbench.reporting.results import Suite

FIRST = ("panic.txt", "console.txt", "core-1.txt", "events.json", "heap.jsonl", "net.pcap")
"""Files of evidence to which the report links, most helpful first."""


@dataclass(frozen=True)
class Folder:
    """A folder of evidence in the report.

    Attributes:
        name: name of the folder.
        href: its URL relative to the report.
        files: names of the most helpful files.
        heap: chart of the heap, or "".
        tasks: the tasks at the end.
    """

    name: str
    href: str
    files: tuple[str, ...] = ()
    heap: str = ""
    tasks: Sequence[evidence_reader.StoredTask] = ()


def render(run: Run, page: Path) -> str:
    """Return the report as HTML, to be written to `page`."""
    results = run.results
    ports = {port: scheme for scheme, port in run.board.ports.items()}
    return template("report.html").render(
        run=run,
        results=results,
        verdict="passed" if run.good else "failed",
        suites=[(suite, bar(suite)) for suite in results.suites()],
        figures=[
            (figure, trend_picture.picture(figure, seen), trend_picture.words(figure, seen))
            if (seen := history.trend(run.past, figure))
            else (figure, "", "")
            for figure in run.figures
        ],
        boots=picture({run.board.name: run.boot}),
        failures=[
            (case, [folder(path, page, ports) for path in case.evidence])
            for case in results.failures()
        ],
        flaky=[
            (case, [folder(path, page, ports) for path in case.evidence])
            for case in results.flaky()
        ],
        slowest=sorted(results.cases.values(), key=lambda case: -case.seconds)[:10],
        started=run.started.strftime("%Y-%m-%d %H:%M UTC"),
    )


def template(name: str) -> jinja2.Template:
    """Return one of the pages' templates, which escape their values."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("espbench.reporting", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)


def folder(path: str, page: Path, ports: Mapping[int, str]) -> Folder:
    """Return a page's entry for a folder of evidence, relative so that both can be moved."""
    # The plugin appends " (incomplete: ...)" if not all could be saved.
    place = Path(path.partition(" (")[0])
    href = Path(os.path.relpath(place.absolute(), page.absolute().parent)).as_posix()
    files = tuple(name for name in FIRST if (place / name).is_file())
    kept = evidence_reader.read(place)
    return Folder(place.name, quote(href), files, heap_picture.picture(kept, ports), kept.tasks)


def bar(suite: Suite) -> Markup:
    """Return an SVG bar with the proportions of passed, failed and skipped scenarios."""
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
