"""`espbench bench --pool`: suites a minute with a pool and without, in one run and in turns."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from espbench import launcher
from espbench.boards import Board
from espbench.errors import EspbenchError
from espbench.figures import Figure

SUITE = Path(__file__).with_name("suite.py")
TESTS = 10
"""How many tests the suite has, each with a device of its own."""


def command(board: Board, firmware: Path, *, size: int, jobs: int) -> list[str]:
    """Return pytest's command line for one suite."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(jobs)]
    words += [f"--board={board.name}", f"--firmware={firmware.absolute()}", f"--pool={size}"]
    return [*words, "--evidence=never", "-o", "python_files=*.py", str(SUITE)]


def run(
    board: Board,
    firmware: Path,
    *,
    rounds: int,
    size: int,
    jobs: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Figure]:
    """Measure.

    Args:
        board, firmware: what is booted.
        rounds: how many suites of each kind.
        size: of the pool.
        jobs: with how many workers of pytest-xdist.
        progress: is told what is on.

    Raises:
        EspbenchError: the suite failed.
    """
    seconds: dict[int, list[float]] = {0: [], size: []}
    for turn in range(rounds):
        for spares, taken in seconds.items():
            progress(f"suites with a pool of {spares}, {turn + 1} of {rounds}")
            taken.append(_once(command(board, firmware, size=spares, jobs=jobs)))
    without, ahead = (statistics.median(taken) for taken in seconds.values())
    # A pair ran back to back, so what else the machine did hit both alike.
    ratio = statistics.median(a / b for a, b in zip(*seconds.values(), strict=True))
    return [
        Figure("suites_per_min", f"Suites of {TESTS} boots, -n {jobs}", 60 / without, "1/min"),
        Figure("suites_pool_per_min", f"The same, pool of {size}", 60 / ahead, "1/min"),
        Figure("pool_ratio", "Pool against none", ratio, "ratio"),
    ]


def _once(words: Sequence[str]) -> float:
    """Run one suite; return the seconds that it took, pytest's own start included."""
    setpriv = shutil.which("setpriv")
    guarded = launcher.guarded(words, os.getpid(), setpriv) if setpriv else list(words)
    start = time.monotonic()
    ended = subprocess.run(guarded, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if ended.returncode:
        tail = "\n".join((ended.stdout + ended.stderr).splitlines()[-12:])
        raise EspbenchError(f"The suite did not pass, so there is nothing to measure:\n{tail}")
    return seconds
