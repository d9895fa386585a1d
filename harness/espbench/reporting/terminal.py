# SPDX-License-Identifier: MIT
"""Shows a run in the terminal: live, or as plain lines if the output is not a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from espbench.perf.figures import Figure
from espbench.reporting.failure_summary import cause, failure_lines
from espbench.reporting.history import Past, trend
from espbench.reporting.results import Case, Results, Suite
from espbench.reporting.trend_chart import words

MOST_BROKEN = 20
"""The most failures to list at the end of a run."""


class Display:
    """Shows results as they arrive; a context manager."""

    def __init__(self, console: Console, results: Results) -> None:
        """Show `results` on `console`."""
        self._console = console
        self._results = results
        self._start = time.monotonic()
        self._shown: set[str] = set()
        self._live = (
            Live(self, console=console, refresh_per_second=8, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        """Start the live display."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Restore the terminal."""
        if self._live:
            self._live.stop()

    def ended(self, case: Case) -> None:
        """Show a failure at once, and in plain output each suite when it has ended."""
        if case.outcome == "failed":
            self._console.print(failure_line(case), soft_wrap=True)
        if self._live:
            return
        for suite in self._results.suites():
            if not suite.left and suite.name not in self._shown:
                self._shown.add(suite.name)
                self._console.print(
                    f"{suite.name}: {suite.passed} passed, {suite.failed} failed, "
                    f"{suite.skipped} skipped in {suite.seconds:.1f} s",
                    highlight=False,
                )

    def __rich__(self) -> RenderableType:
        """Return one frame of the live display."""
        if not self._results.cases:
            return Text("looking for scenarios …", "dim")
        table = Table(box=None, pad_edge=False, show_header=False)
        for suite in self._results.suites():
            done = suite.total - suite.left
            style = "red" if suite.failed else "green"
            bar = ProgressBar(
                suite.total, done, width=30, complete_style=style, finished_style=style
            )
            table.add_row(suite.name, bar, f"{done}/{suite.total}", _failed(suite))
        running = [
            c.nodeid.rpartition("/")[2]
            for c in self._results.cases.values()
            if c.outcome == "running"
        ]
        seconds = time.monotonic() - self._start
        state = f"{self._results.done} of {len(self._results.cases)} scenarios, {seconds:.0f} s"
        return Group(
            table,
            Text(state, "bold"),
            *(Text(f"  {name}", "dim", no_wrap=True) for name in running[:8]),
        )


def _failed(suite: Suite) -> Text:
    return Text(f"{suite.failed} failed", "bold red") if suite.failed else Text("")


def failure_line(case: Case) -> Text:
    """Return one line about a failure, to show when it happens."""
    return Text.assemble(
        ("FAILED ", "bold red"), f"{case.suite}: {case.title}: ", cause(case.message)
    )


def broken_lines(cases: Sequence[Case]) -> list[Text]:
    """Return the failures for the end of a run: cause, state of the devices, and evidence."""
    lines = []
    for case in cases[:MOST_BROKEN]:
        name, *rest = failure_lines(
            f"{case.suite}: {case.title}", cause(case.message), case.devices, case.evidence
        )
        lines.append(Text.assemble(("FAILED ", "bold red"), name))
        lines += [Text(line, "dim") for line in rest]
    if (left := len(cases) - MOST_BROKEN) > 0:
        lines.append(Text(f"and {left} more: the report has them all", "bold red"))
    return lines


def suites_table(results: Results, seconds: float) -> Table:
    """Return the table of suites for the end of a run."""
    table = Table(show_footer=True)
    table.add_column("suite", "all")
    for name, outcome in (("passed", "passed"), ("failed", "failed"), ("skipped", "skipped")):
        total = sum(getattr(suite, outcome) for suite in results.suites())
        table.add_column(name, str(total), justify="right")
    table.add_column("time", f"{seconds:.1f} s", justify="right")
    for suite in results.suites():
        table.add_row(
            suite.name,
            Text(str(suite.passed), "green" if suite.passed else "dim"),
            Text(str(suite.failed), "bold red" if suite.failed else "dim"),
            Text(str(suite.skipped), "yellow" if suite.skipped else "dim"),
            f"{suite.seconds:.1f} s",
        )
    return table


def figures_table(found: Sequence[Figure], past: Past | None = None) -> Table:
    """Return a table of the figures, compared with those of earlier runs."""
    table = Table()
    table.add_column("figure")
    table.add_column("value", justify="right")
    limited = any(figure.limit is not None for figure in found)
    if limited:
        table.add_column("at most", justify="right")
    trends = {figure.key: trend(past or Past(), figure) for figure in found}
    if any(trends.values()):
        table.add_column("before")
    for figure in found:
        row: list[str | Text] = [
            figure.title,
            Text(figure.shown(), "" if figure.good else "bold red"),
        ]
        if limited:
            row.append("" if figure.limit is None else f"{figure.limit:g}")
        if before := trends[figure.key]:
            row.append(words(figure, before))
        table.add_row(*row)
    return table
