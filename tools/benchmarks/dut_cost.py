# SPDX-License-Identifier: MIT
"""What it costs that pytest-embedded boots a suite's devices: with its service, and without.

    python tools/benchmarks/dut_cost.py       # 10 rounds in turns; exit status 1 above 1.05

A test boots the reference firmware on `lx60` and asks it for one page. Sessions with one test and
with many tell apart what a session costs (pytest-embedded is imported) and what a device costs
(about 60 fixtures are set up). A run's time is the CPU time of its processes, QEMU's included,
which varies less on a busy machine than the wall clock does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from espbench.boards.builtin import LX60
from espbench.firmware.build import firmware
from idle_plugin import measure

LIMIT = 1.05
"""How many times as long a device may take."""
TESTS = 30
SUITE = f"""
import pytest
import urllib.request

@pytest.mark.parametrize("number", range({TESTS}))
def test_it(device, number):
    assert urllib.request.urlopen(device.url("/hello"), timeout=20).read()
"""
ONE, ALL = "test_boots.py::test_it[0]", "test_boots.py"
WITH: tuple[str, ...] = ("--embedded-services=idf,qemu",)
WITHOUT: tuple[str, ...] = ("-p", "no:pytest_embedded")
KINDS = [(test, way) for test in (ONE, ALL) for way in (WITH, WITHOUT)]
Kind = tuple[str, tuple[str, ...]]


def compare(rounds: int) -> dict[Kind, float]:
    """Return the CPU seconds of a session of each of the `KINDS`, which run in turns: medians."""
    always = (f"--espbench-firmware={firmware(LX60)}", "--espbench-pool=0", "-p", "no:labgrid")
    found: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text("[pytest]\n")
        (folder / "test_boots.py").write_text(SUITE)
        os.chdir(folder)
        try:
            for _, way in KINDS[:2]:  # compiles what is imported
                measure(folder, (*always, *way, ONE))
            for number in range(rounds):
                for test, way in KINDS[:: -1 if number % 2 else 1]:
                    found[test, way].append(measure(folder, (*always, *way, test)))
        finally:
            os.chdir("/")
    return {kind: statistics.median(seconds) for kind, seconds in found.items()}


def main() -> int:
    """Measure, and print a line for a device and one for a session; return an exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="sessions of each kind")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds takes 1 or more.")
    found = compare(rounds)
    device, without = ((found[ALL, way] - found[ONE, way]) / (TESTS - 1) for way in (WITH, WITHOUT))
    print(
        f"a device: {device * 1000:.0f} ms of CPU with pytest-embedded's service, "
        f"{without * 1000:.0f} ms without (medians of {rounds}); ratio {device / without:.3f}, "
        f"limit {LIMIT}"
    )
    print(
        f"a session of one: {found[ONE, WITH]:.2f} and {found[ONE, WITHOUT]:.2f} s; "
        f"of {TESTS}: {found[ALL, WITH]:.2f} and {found[ALL, WITHOUT]:.2f} s, "
        f"ratio {found[ALL, WITH] / found[ALL, WITHOUT]:.3f}"
    )
    return int(device / without > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
