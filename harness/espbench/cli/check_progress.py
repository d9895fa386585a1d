# SPDX-License-Identifier: MIT
"""Shows how a run of checks goes: a line for each result, and what runs at the moment."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from espbench.check.overload import overload
from espbench.check.plan import Item
from espbench.check.report.document import sentence_of
from espbench.check.report.styles import STYLES
from espbench.check.result import Result
from espbench.check.server import Server

__all__ = ["Printer"]

TELLING = 60.0
"""Seconds of checks whose duration tells how long the others take."""
SLOW = 1.7
"""Times the expected duration at which a reader should know."""


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else "a minute"


class Printer:
    """Prints servers and results as they come; on a terminal, also what runs."""

    def __init__(self, console: Console) -> None:
        """Print to this console."""
        self._console = console
        self._status = Status("booting the firmware", console=console)
        self._running: list[str] = []
        self._done = self._all = 0
        self._jobs = 1
        self._left = 0.0
        """Seconds that the checks that are left are expected to take, one after the other."""
        self._expected = self._took = 0.0
        """Seconds that those that are done were expected to take, and took."""
        self._warned = False

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
        self._jobs = jobs
        self._left = sum(item.estimate for item in items)
        minutes = _minutes(self._left / jobs + boot)
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
        self._left -= item.estimate
        self._expected += item.estimate
        self._took += result.seconds
        self._update()
        if item.reason:
            return  # it does not count; the table says why
        line = Text(f"[{self._done}/{self._all}] {result.id} ")
        severity = f" ({result.severity.value})" if result.severity else ""
        line.append(f"{result.outcome.value}{severity}", STYLES[result.outcome])
        said = sentence_of(result)
        line.append(f" {result.seconds:.1f} s" + (f": {said}" if said else ""))
        self._print(line)
        self._warn()

    def _update(self) -> None:
        rest = f"; about {_minutes(self._rest)} left" if self._expected >= TELLING else ""
        running = ", ".join(self._running)
        self._status.update(f"{self._done} of {self._all}{rest}; running: {running}")

    @property
    def _rest(self) -> float:
        """Seconds that are left, by the time that the checks took so far."""
        return self._left * self._took / self._expected / self._jobs

    def _warn(self) -> None:
        """Say once that it takes much longer than was said before."""
        if self._warned or self._expected < TELLING or self._rest < TELLING:
            return
        if (times := self._took / self._expected) > SLOW:
            self._warned = True
            why = overload()
            text = f"The checks take {times:.1f} times as long as expected"
            text += f", as {why}" if why else ""
            self._print(Text(f"{text}: about {_minutes(self._rest)} left.", "yellow"))

    def _print(self, text: Text) -> None:
        self._console.print(text, highlight=False)
