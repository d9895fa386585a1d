# SPDX-License-Identifier: MIT
"""Measure the plugin's cost in a session that does not use it: pytest with it and without.

    python tools/benchmarks/idle_plugin.py    # 30 runs each, alternating; exit status 1 above 1.02

The limit is for espbench's own part. What the whole install costs is printed beside it: pytest
imports the plugin of pytest-embedded, which comes along, before or after espbench's, in the order
of a folder's listing, so that espbench cannot keep it from that.

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
NO_OTHER = ("-p", "no:pytest_embedded")
KINDS: tuple[Sequence[str], ...] = (NO_OTHER, (*NO_OTHER, "-p", "no:espbench"), ())
"""Options of a session with espbench's plugin alone, without both, and with both."""


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


def compare(rounds: int) -> list[list[float]]:
    """Return the CPU seconds of sessions of each of the `KINDS`, which run in turns."""
    found: list[list[float]] = [[] for _ in KINDS]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_empty.py").write_text("def test_empty(): pass\n")
        os.chdir(folder)
        try:
            for kind in KINDS:  # compiles what is imported
                measure(folder, kind)
            for number in range(rounds):
                for turn in range(len(KINDS)):
                    index = (number + turn) % len(KINDS)
                    found[index].append(measure(folder, KINDS[index]))
        finally:
            os.chdir("/")
    return found


def main() -> int:
    """Measure, and print two lines; return an exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="runs of each kind")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds takes 1 or more.")
    own, without, whole = (statistics.median(seconds) for seconds in compare(rounds))
    print(
        f"a session that uses nothing of espbench: {own:.3f} s of CPU with the plugin, "
        f"{without:.3f} s without (medians of {rounds}); ratio {own / without:.3f}, limit {LIMIT}"
    )
    print(
        f"with pytest-embedded's plugin, which comes along: {whole:.3f} s, "
        f"ratio {whole / without:.3f}"
    )
    return int(own / without > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
