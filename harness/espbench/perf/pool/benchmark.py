# SPDX-License-Identifier: MIT
"""`espbench timings --pool`: alternates suites with and without a pool.

It measures suites per minute, and how long a test waits for its device, which a pool shortens.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from espbench.boards.board import Board
from espbench.errors import EspbenchError
from espbench.perf.figures import Figure
from espbench.qemu.parent_death import guarded

SUITE = Path(__file__).with_name("suite.py")
TESTS = 10
"""Number of tests in the suite, each with its own device."""


WAITED = "waited"
"""Test property with the seconds that the test waited for its device."""


@dataclass(frozen=True)
class Taken:
    """The durations of one suite.

    Attributes:
        seconds: from the start to the end of pytest.
        waited: seconds that each test waited for its device.
    """

    seconds: float
    waited: tuple[float, ...]


def command(
    board: Board, firmware: Path, *, size: int, jobs: int, more: Sequence[str] = ()
) -> list[str]:
    """Return pytest's command line for one suite."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(jobs)]
    words += [
        f"--espbench-board={board.name}",
        f"--espbench-firmware={firmware.absolute()}",
        f"--espbench-pool={size}",
    ]
    return [*words, "--espbench-evidence=never", "-o", "python_files=*.py", *more, str(SUITE)]


def run(
    board: Board,
    firmware: Path,
    *,
    rounds: int,
    size: int,
    jobs: int = 1,
    more: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> list[Figure]:
    """Measure suites with and without a pool.

    Args:
        board, firmware: the board and firmware to boot.
        rounds: number of suites with and without a pool.
        size: size of the pool.
        jobs: number of pytest-xdist workers.
        more: arguments for pytest.
        progress: called with the current step.

    Raises:
        EspbenchError: the suite failed.
    """
    suites: dict[int, list[Taken]] = {0: [], size: []}
    for turn in range(rounds):
        for spares, taken in suites.items():
            progress(f"suites with a pool of {spares}, {turn + 1} of {rounds}")
            taken.append(_once(command(board, firmware, size=spares, jobs=jobs, more=more)))
    none, pool = suites.values()
    without, ahead = (statistics.median(each.seconds for each in kind) for kind in (none, pool))
    # The two suites of a pair run back to back, so other load affects both alike.
    ratio = statistics.median(a.seconds / b.seconds for a, b in zip(none, pool, strict=True))
    tests = len(none[0].waited)
    return [
        Figure("suites_per_min", f"Suites of {tests} boots, -n {jobs}", 60 / without, "1/min"),
        Figure("suites_pool_per_min", f"The same, pool of {size}", 60 / ahead, "1/min"),
        Figure("pool_ratio", "Pool against none", ratio, "ratio"),
        Figure("wait_ms", "A test waited for its device", _mean_ms(none), "ms"),
        Figure("wait_pool_ms", f"The same, pool of {size}", _mean_ms(pool), "ms"),
    ]


def _mean_ms(suites: Sequence[Taken]) -> float:
    """Return the mean: with a pool, some tests wait for a whole boot and others not at all."""
    return statistics.mean(seconds for suite in suites for seconds in suite.waited) * 1000


def _once(words: Sequence[str]) -> Taken:
    """Run one suite; return its durations, including pytest's start."""
    setpriv = shutil.which("setpriv")
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "suite.xml"
        words = [*words, f"--junitxml={junit}"]
        line = guarded(words, os.getpid(), setpriv) if setpriv else words
        start = time.monotonic()
        ended = subprocess.run(line, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - start
        if ended.returncode:
            tail = "\n".join((ended.stdout + ended.stderr).splitlines()[-12:])
            raise EspbenchError(f"The suite failed, so nothing can be measured:\n{tail}")
        properties = ElementTree.parse(junit).iter("property")
        waited = tuple(float(p.get("value", "")) for p in properties if p.get("name") == WAITED)
    return Taken(seconds, waited)
