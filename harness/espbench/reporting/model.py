# SPDX-License-Identifier: MIT
"""`Plan` and `Run`: the options of a run of the suites, and its outcome, as data."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espbench.boards.board import Board
from espbench.device.boot_phases import BootPhase
from espbench.perf.figures import Figure
from espbench.reporting import history
from espbench.reporting.history import Past
from espbench.reporting.results import Results
from espbench.suites.sharding import Shard

__all__ = ["Plan", "Run"]


@dataclass(frozen=True)
class Plan:
    """The options of a run.

    Attributes:
        board: the board to emulate.
        firmware: the firmware to test, or None to build espbench's own.
        suites: names of suites, or paths; empty for all.
        out: folder for the run's files.
        jobs: number of parallel tests; "auto" for one per core.
        keywords: expression for pytest's -k, or "".
        evidence: for which tests to save evidence.
        pytest: more arguments for pytest.
        history: file with the figures of earlier runs; None for the one in `out`.
        shard: the part of the scenarios to run, or None for all.
        durations: recorded durations, for balancing shards; None for those of the tree.
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
        """Whether only some of the scenarios are selected."""
        return bool(self.suites or self.keywords or self.pytest or self.shard)

    @property
    def history_file(self) -> Path:
        """The file with the figures of all runs."""
        return self.history or self.out / history.NAME


@dataclass
class Run:
    """The outcome of a run.

    Attributes:
        board: the emulated board.
        results: results of the scenarios.
        seconds: duration of all scenarios together.
        figures: measured figures; empty if measuring failed.
        boot: the phases of a boot.
        complaint: other problems, or "".
        versions: versions of all tools involved.
        started: time of the start.
        selected: whether only some of the scenarios were selected.
        ended: whether pytest could read all suites and completed the session.
        past: the figures of all runs, including this one.
        note: a remark that does not make the run fail, or "".
    """

    board: Board
    results: Results
    seconds: float = 0.0
    figures: tuple[Figure, ...] = ()
    boot: tuple[BootPhase, ...] = ()
    complaint: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    selected: bool = False
    ended: bool = True
    past: Past = field(default_factory=Past)
    note: str = ""

    def complain(self, sentence: str) -> None:
        """Add a problem to `complaint`."""
        self.complaint = f"{self.complaint}\n{sentence}" if self.complaint else sentence

    @property
    def good(self) -> bool:
        """Whether every scenario passed and nothing else went wrong."""
        return self.results.good and not self.complaint
