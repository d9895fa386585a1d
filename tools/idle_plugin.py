# SPDX-License-Identifier: MIT
"""Measure the plugin's cost in a session that does not use it: pytest with it and without.

    python tools/idle_plugin.py               # 30 runs each, alternating; exit status 1 above 1.02

The session has one empty test, so that a small cost shows. A run's time is the CPU time of its
process, user and system, which varies less on a busy machine than the wall clock does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

LIMIT = 1.02
"""The highest ratio allowed."""
WITHOUT = ("-p", "no:espbench")


def measure(folder: Path, options: Sequence[str]) -> float:
    """Return the CPU seconds of a session.

    Raises:
        RuntimeError: its test did not pass.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    with (folder / "output").open("w+b") as output:
        process = os.posix_spawn(
            sys.executable,
            command,
            {**os.environ, "PYTHONHASHSEED": "0"},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 2),
            ],
        )
        _, status, usage = os.wait4(process, 0)
        if status != 0:
            output.seek(0)
            raise RuntimeError(output.read().decode(errors="replace"))
    return usage.ru_utime + usage.ru_stime


def compare(rounds: int) -> tuple[list[float], list[float]]:
    """Return the CPU seconds of sessions with the plugin and without, run alternately."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_empty.py").write_text("def test_empty(): pass\n")
        os.chdir(folder)
        try:
            kinds: tuple[Sequence[str], ...] = ((), WITHOUT)
            for kind in kinds:  # compile what is imported
                measure(folder, kind)
            found: list[tuple[float, float]] = []
            for number in range(rounds):
                order = (0, 1) if number % 2 else (1, 0)
                seconds = {index: measure(folder, kinds[index]) for index in order}
                found.append((seconds[0], seconds[1]))
        finally:
            os.chdir("/")
    return [one for one, _ in found], [other for _, other in found]


def main() -> int:
    """Measure, and print one line; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="runs of each kind")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds takes 1 or more.")
    with_it, without = compare(rounds)
    one, other = statistics.median(with_it), statistics.median(without)
    ratio = one / other
    print(
        f"a session that does not use espbench: {one:.3f} s of CPU with the plugin, "
        f"{other:.3f} s without (medians of {rounds}); ratio {ratio:.3f}, limit {LIMIT}"
    )
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
