# SPDX-License-Identifier: MIT
"""Runs pytest sessions, one per board, in sequence."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from espbench.boards.board import Board
from espbench.firmware import source_tree
from espbench.suites.names import suite_paths

INTERRUPTED = 2
"""pytest's exit status after Ctrl-C."""
NOTHING_COLLECTED = 5
"""pytest's exit status if no test was selected."""
ENDED = (0, 1, NOTHING_COLLECTED)
"""pytest's exit statuses for a complete session."""
OWN_ON_EACH_BOARD = (
    "harness/tests/docs/test_https_guide.py",
    "harness/tests/docs/test_readme.py",
    "harness/tests/docs/test_stubs.py",
    "harness/tests/embedded/test_dut.py",
    "harness/tests/perf/test_regressions.py",
    "harness/tests/recording/test_record_replay.py",
)
"""espbench's own tests that run with each board's firmware, like the scenarios."""


@dataclass(frozen=True)
class Plan:
    """The tests to run.

    Attributes:
        root: the tree with suites and firmware sources.
        out: folder for each board's JUnit XML.
        suites: names of suites, or paths; empty for all.
        pytest: more arguments for pytest, including paths.
        own_tests: whether to run espbench's own tests too: `OWN_ON_EACH_BOARD` with each board, and
            the others, which need no board or any board, with the first.
        jobs: number of parallel tests; "auto" for one per core.
    """

    root: Path
    out: Path
    suites: Sequence[str] = ()
    pytest: Sequence[str] = ()
    own_tests: bool = False
    jobs: str = "auto"

    @property
    def selects(self) -> bool:
        """Whether only some of the tests are selected."""
        return bool(self.suites or self.pytest)

    @property
    def on_each_board(self) -> tuple[str, ...]:
        """Those of espbench's own tests that run with each board."""
        return OWN_ON_EACH_BOARD if self.own_tests else ()


def commands(boards: Sequence[Board], plan: Plan) -> list[list[str]]:
    """Return pytest's command line for each board.

    Raises:
        EspbenchError: a suite does not exist.
    """
    # The run's last lines give the reasons for skips, each once, so pytest need not.
    base = [sys.executable, "-m", "pytest", "-rfExX", "-n", plan.jobs, "--dist", "worksteal"]
    if source_tree.clone() is None:
        base += ["-p", "no:cacheprovider"]  # do not write into an installed package
    named = any(_is_path(argument, plan.root) for argument in plan.pytest)
    paths = suite_paths(plan.root, plan.suites) if plan.suites or not named else []
    everything = plan.own_tests and not (plan.suites or named)
    if everything:
        paths += plan.on_each_board
    return [
        [
            *(*base, "--espbench-board", board.name, f"--junitxml={results_of(board, plan.out)}"),
            # Without a path, pytest uses the tree's `testpaths`.
            *(*plan.pytest, *([] if everything and not number else paths)),
        ]
        for number, board in enumerate(boards)
    ]


def results_of(board: Board, folder: Path) -> Path:
    """Return the file with a board's results."""
    return folder / f"{board.name}.xml"


def _is_path(argument: str, root: Path) -> bool:
    return not argument.startswith("-") and (root / argument.partition("::")[0]).exists()


def worst(statuses: Sequence[int]) -> int:
    """Return the combined exit status; for boards after the first, nothing selected is fine."""
    first, *others = statuses
    return first or next((s for s in others if s not in (0, NOTHING_COLLECTED)), 0)


def run_all(runs: Sequence[Sequence[str]], root: Path) -> list[int]:
    """Run the commands in sequence until one is interrupted; return all exit statuses."""
    statuses: list[int] = []
    for command in runs:
        interrupted = bool(statuses) and statuses[-1] == INTERRUPTED
        statuses.append(INTERRUPTED if interrupted else run(command, root))
    return statuses


def run(command: Sequence[str], root: Path) -> int:
    """Run pytest in `root`, forwarding SIGTERM to it, and return its exit status."""
    process = subprocess.Popen(command, cwd=root)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    # A terminal sends Ctrl-C to pytest as well, but SIGTERM reaches only this process.
    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # pytest cleans up
    finally:
        signal.signal(signal.SIGTERM, before)


def outcome(status: int) -> str:
    """Return the meaning of pytest's exit status."""
    known = {
        0: "all passed",
        1: "some failed",
        INTERRUPTED: "interrupted",
        NOTHING_COLLECTED: "none selected",
    }
    return known.get(status, f"pytest ended with status {status}")
