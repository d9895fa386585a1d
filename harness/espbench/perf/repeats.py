# SPDX-License-Identifier: MIT
"""Compares the figures of several runs, to show how well they repeat."""

from __future__ import annotations

import contextlib
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from espbench.perf.metrics import Kind, Reading, amount
from espbench.qemu import launcher


@dataclass(frozen=True)
class Repeat:
    """One figure over several runs.

    Attributes:
        kind: the figure.
        values: one value per run in which it was available.
        reason: why it was unavailable in a run, or "".
    """

    kind: Kind
    values: tuple[float, ...]
    reason: str

    @property
    def spread(self) -> float:
        """The range of the values, in percent of their median."""
        middle = statistics.median(self.values)
        return 100 * (max(self.values) - min(self.values)) / middle if middle else 0.0


def side_by_side(runs: Sequence[Sequence[Reading]]) -> list[Repeat]:
    """Return each figure over all runs."""
    found = []
    for column in zip(*runs, strict=True):
        values = tuple(reading.value for reading in column if reading.value is not None)
        reason = next((reading.reason for reading in column if reading.value is None), "")
        found.append(Repeat(column[0].kind, values, reason))
    return found


def table(repeats: Sequence[Repeat], runs: int) -> Table:
    """Return a table with minimum, median, maximum and spread of each figure."""
    made = Table(title=f"{runs} runs")
    made.add_column("figure", no_wrap=True)
    for head in ("least", "median", "most", "spread"):
        made.add_column(head, justify="right", no_wrap=True)
    for repeat in repeats:
        values, unit = repeat.values, repeat.kind.unit
        if not values:
            made.add_row(repeat.kind.title, "unavailable", "", "", "")
            continue
        low, middle, high = min(values), statistics.median(values), max(values)
        shown = [amount(value, unit) for value in (low, middle, high)]
        made.add_row(repeat.kind.title, *shown, f"{repeat.spread:.3f} %")
    return made


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep the host busy with `loops` busy loops during the block."""
    with contextlib.ExitStack() as ending:
        for _ in range(loops):
            process = launcher.start_piped([sys.executable, "-c", "while True: pass"])
            ending.enter_context(process)  # closes its pipes
            ending.callback(launcher.kill, process)
        yield


def as_json(repeats: Sequence[Repeat], board: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return all runs as a JSON object."""
    return {
        "board": board,
        "versions": dict(versions),
        "figures": {
            repeat.kind.key: {
                "title": repeat.kind.title,
                "unit": repeat.kind.unit,
                "values": repeat.values,
                "spread_percent": round(repeat.spread, 3) if repeat.values else None,
                "reason": repeat.reason,
            }
            for repeat in repeats
        },
    }
