# SPDX-License-Identifier: MIT
"""Shows how a run of checks goes: a line for each result, and what runs at the moment."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from espbench.check.plan import Item
from espbench.check.report.document import sentence_of
from espbench.check.report.styles import STYLES
from espbench.check.result import Result
from espbench.check.server import Server

__all__ = ["Printer"]


class Printer:
    """Prints servers and results as they come; on a terminal, also what runs."""

    def __init__(self, console: Console) -> None:
        """Print to this console."""
        self._console = console
        self._status = Status("booting the firmware", console=console)
        self._running: list[str] = []
        self._done = self._all = 0

    def __enter__(self) -> Self:
        """Begin."""
        self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove what only a terminal shows."""
        self._status.stop()

    def found(
        self, servers: Sequence[Server], items: Sequence[Item], boot: float, jobs: int
    ) -> None:
        """Print what the device serves, and how long the checks may take."""
        for server in servers:
            self._print(Text(f"found: {server}"))
        if not servers:
            self._print(Text("found: no listening port", "yellow"))
        self._all = sum(not item.reason for item in items)
        if not self._all:
            return
        seconds = sum(item.estimate for item in items) / jobs + boot
        minutes = f"{seconds / 60:.0f} minutes" if seconds > 90 else "a minute"
        apply = "1 check applies" if self._all == 1 else f"{self._all} checks apply"
        took = f"Boot and server discovery took {boot:.1f} s."
        self._print(Text(f"{took} {apply} and may take about {minutes}."))

    def began(self, item: Item) -> None:
        """Show what runs."""
        self._running.append(item.id)
        self._update()

    def ended(self, item: Item, result: Result) -> None:
        """Print a result."""
        self._running.remove(item.id)
        self._done += not item.reason
        self._update()
        if item.reason:
            return  # it does not count; the table says why
        line = Text(f"[{self._done}/{self._all}] {result.id} ")
        severity = f" ({result.severity.value})" if result.severity else ""
        line.append(f"{result.outcome.value}{severity}", STYLES[result.outcome])
        said = sentence_of(result)
        line.append(f" {result.seconds:.1f} s" + (f": {said}" if said else ""))
        self._print(line)

    def _update(self) -> None:
        self._status.update(f"{self._done} of {self._all}; running: {', '.join(self._running)}")

    def _print(self, text: Text) -> None:
        self._console.print(text, highlight=False)
