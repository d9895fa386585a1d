# SPDX-License-Identifier: MIT
"""What evidence costs: how many times as long requests take while it is kept.

    python tools/benchmarks/evidence_cost.py          # lx60; exit status 1 above 1.1

Three devices run in turns: one without evidence, one whose network is captured, and one with all
that a session keeps by default, which is the capture and samples of the heap. The ratio counts the
CPU time of QEMU and of this process, which varies less on a busy machine than the wall clock does.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import time
from pathlib import Path

from espbench.boards.builtin import LX60
from espbench.certs import recipes
from espbench.device.device import Device
from espbench.firmware.build import firmware
from espbench.perf import figures

LIMIT = 1.1
"""How many times as long a request may take with all evidence."""
BATCH = 50
"""Requests of a round: long enough for a few samples of the heap."""
KINDS: dict[str, dict[str, bool]] = {
    "none": {},
    "capture": {"capture": True},
    "all": {"capture": True, "watch_heap": True},
}
"""Options of the devices by name."""


def cpu(device: Device) -> float:
    """Return the CPU seconds of this process and the device's QEMU."""
    tasks = Path("/proc", str(device.pid), "task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9 + time.process_time()


def costs(rounds: int) -> tuple[dict[str, list[float]], int]:
    """Return the CPU seconds of each round by the name of the device, and the number of samples."""
    recipe = recipes()[figures.ECDSA]
    spent: dict[str, list[float]] = {name: [] for name in KINDS}
    with contextlib.ExitStack() as stack:
        devices = {
            name: stack.enter_context(figures.device(LX60, firmware(LX60), recipe, **options))
            for name, options in KINDS.items()
        }
        endpoints = {name: figures.http(device) for name, device in devices.items()}
        for endpoint in endpoints.values():
            figures.first_answer(endpoint)
        for number in range(rounds):
            for name in KINDS if number % 2 else reversed(KINDS):
                before = cpu(devices[name])
                for _ in range(BATCH):
                    endpoints[name].get("/hello")
                spent[name].append(cpu(devices[name]) - before)
        samples = sum(sample.why == "network" for sample in devices["all"].heap_samples)
    return spent, samples


def main() -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=150, help=f"batches of {BATCH} requests")
    arguments = parser.parse_args()
    spent, samples = costs(arguments.rounds)
    ratios = {}
    for name, seconds in spent.items():
        pairs = zip(seconds, spent["none"], strict=True)
        # Of the same round, because the machine may be busier in another.
        ratios[name] = statistics.median(kept / none for kept, none in pairs)
        each = 1000 * statistics.median(seconds) / BATCH
        print(f"{name:8} {each:7.3f} ms of CPU time per request, ratio {ratios[name]:.3f}")
    print(f"{samples} heap samples in {arguments.rounds * BATCH} requests")
    return int(ratios["all"] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
