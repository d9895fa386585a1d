# SPDX-License-Identifier: MIT
"""What a run of the suites is asked to do, and what came out: `Plan` and `Run`, as data."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espbench.boards.board import Board
from espbench.device.boot_phases import Mark
from espbench.perf.figures import Figure
from espbench.reporting import history
from espbench.reporting.history import Past
from espbench.reporting.results import Results
from espbench.suites.sharding import Shard

__all__ = ["Plan", "Run"]


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        board: to emulate.
        firmware: to test, or None for espbench's own, built first.
        suites: names of suites, or paths; empty for all.
        out: folder for what the run leaves.
        jobs: how many tests at a time; "auto" is one a core.
        keywords: pytest's -k, or "".
        evidence: which tests leave evidence.
        pytest: more arguments for it.
        history: file with the figures of earlier runs; None for the one in `out`.
        shard: the part of the scenarios to run, or None for all.
        durations: how long scenarios took, to balance shards by; None for what the tree has.
    """

    board: Board
    firmware: Path | None
    suites: Sequence[str]
    out: Path
    jobs: str = "auto"
    keywords: str = ""
    evidence: str = "failed"
    pytest: Sequence[str] = ()
    history: Path | None = None
    shard: Shard | None = None
    durations: Path | None = None

    @property
    def selects(self) -> bool:
        """Whether only some of the scenarios are asked for."""
        return bool(self.suites or self.keywords or self.pytest or self.shard)

    @property
    def history_file(self) -> Path:
        """Where the figures of all runs are."""
        return self.history or self.out / history.NAME


@dataclass
class Run:
    """What came out.

    Attributes:
        results: of the scenarios.
        seconds: that the scenarios took together.
        figures: that were measured; empty when that failed.
        boot: what happened in a boot.
        complaint: what else went wrong, or "".
        versions: of everything that took part.
        selected: whether only some of the scenarios were asked for.
        ended: whether pytest read all suites and came to its own end.
        past: the figures of the runs until now, this one included.
        note: what should be known, and makes the run no bad one.
    """

    board: Board
    results: Results
    seconds: float = 0.0
    figures: tuple[Figure, ...] = ()
    boot: tuple[Mark, ...] = ()
    complaint: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    selected: bool = False
    ended: bool = True
    past: Past = field(default_factory=Past)
    note: str = ""

    def complain(self, sentence: str) -> None:
        """Add to what went wrong beside the scenarios."""
        self.complaint = f"{self.complaint}\n{sentence}" if self.complaint else sentence

    @property
    def good(self) -> bool:
        """Whether every scenario passed and nothing else went wrong."""
        return self.results.good and not self.complaint
