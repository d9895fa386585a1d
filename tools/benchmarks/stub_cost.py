# SPDX-License-Identifier: MIT
"""What QEMU's gdb stub costs: attached without a breakpoint, and at each stop.

    python tools/benchmarks/stub_cost.py                          # lx60; exit status 1 above 1.02
    python tools/benchmarks/stub_cost.py esp32 FIRMWARE.bin       # with FIRMWARE.elf beside it

The first figure is how many times as long requests take while a client is attached that has set no
breakpoint. Both kinds run in turns, and count the CPU time of QEMU, which varies less on a busy
machine than the wall clock does.

The others are milliseconds for each stop at the allocator during TLS handshakes, by the wall
clock: when the breakpoint is removed, stepped over and set again after a stop reply, as GDB does
it, and as `espbench.inspect.stub` does it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from espbench.boards.builtin import LX60
from espbench.certs import recipes
from espbench.clients import Endpoints, Tls
from espbench.device.device import Device
from espbench.firmware.build import firmware
from espbench.inspect.allocations import Allocators
from espbench.inspect.stub import FirmwareCode, GdbStub, attach
from espbench.inspect.stub.protocol import RemoteProtocol
from espbench.qemu.qmp import Qmp

LIMIT = 1.02
"""How many times as long a request may take with an idle client."""
REQUESTS = 25
WARM_UP = 3
"""Requests after attaching and detaching that are not measured."""
HANDSHAKES = 6


def cpu(device: Device) -> float:
    """Return the CPU seconds of the device's QEMU, more finely than in clock ticks."""
    tasks = Path("/proc", str(device.pid), "task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def attached_ratio(
    device: Device, code: FirmwareCode, ask: Callable[[], None], rounds: int
) -> float:
    """Return by how much requests take longer with an idle client, as a factor."""
    qmp = monitor(device)
    found: dict[bool, list[float]] = {False: [], True: []}

    def measure(attached: bool) -> None:
        for _ in range(WARM_UP):
            ask()
        before = cpu(device)
        for _ in range(REQUESTS):
            ask()
        found[attached].append(cpu(device) - before)

    ask()
    for number in range(rounds):
        for attached in (False, True) if number % 2 else (True, False):
            if attached:
                with GdbStub(qmp, code):
                    measure(attached)
            else:
                measure(attached)
    return statistics.median(found[True]) / statistics.median(found[False])


def monitor(device: Device) -> Qmp:
    """Return the device's monitor."""
    assert device.qemu.qmp is not None
    return device.qemu.qmp


def as_gdb_does(device: Device, address: int, talk: Callable[[], None]) -> tuple[int, float]:
    """Return the number of stops, and the seconds that the exchange took."""
    qmp = monitor(device)
    core = attach.xtensa_core(qmp)
    remote = RemoteProtocol(attach.connect(qmp))
    remote.identify(core)
    remote.insert(address)
    stops = 0
    done = threading.Event()

    def serve() -> None:
        nonlocal stops
        while not done.is_set():
            stop = remote.resume()
            if done.is_set():
                return
            stops += 1
            remote.registers()
            remote.remove(address)
            remote.step(stop.thread)
            remote.insert(address)

    thread = threading.Thread(target=serve)
    thread.start()
    before = time.perf_counter()
    try:
        talk()
    finally:
        seconds = time.perf_counter() - before
        done.set()
        remote.interrupt()
        thread.join()
        remote.remove(address)
        remote.close()
        attach.disconnect(qmp)
        qmp.execute("cont")
    return stops, seconds


def as_espbench_does(
    device: Device, code: FirmwareCode, address: int, talk: Callable[[], None]
) -> tuple[int, float]:
    """Return the number of stops, and the seconds that the exchange took."""
    with GdbStub(monitor(device), code) as stub, stub.breakpoints((address, lambda _: None)):
        before = time.perf_counter()
        talk()
        return stub.stops, time.perf_counter() - before


def main() -> int:
    """Measure and print; return 1 if an idle client costs too much."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("board", nargs="?", default="lx60")
    parser.add_argument("firmware", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    image: Path = options.firmware or firmware(LX60)
    recipe = recipes()["p256"]
    code = FirmwareCode(image.with_suffix(".elf"))
    address = Allocators.of(code).all[0].function.address
    with Device(options.board, image, files=recipe.on_device(), capture=False) as device:
        endpoints = Endpoints(device, Tls(trust=recipe.trust))
        https = endpoints.https.patient(60)

        def ask() -> None:
            assert https.get("/hello").status == 200

        def talk() -> None:
            for _ in range(HANDSHAKES):
                ask()

        talk()
        ratio = attached_ratio(device, code, ask, options.rounds)
        before = time.perf_counter()
        talk()
        plain = time.perf_counter() - before
        print(f"{options.board}: {ratio:.3f} times as long with an idle client (at most {LIMIT:g})")
        for name, (stops, seconds) in {
            "as GDB does it": as_gdb_does(device, address, talk),
            "as espbench does it": as_espbench_does(device, code, address, talk),
        }.items():
            each = 1000 * (seconds - plain) / stops
            print(f"{name}: {each:.2f} ms a stop, {stops / seconds:.0f} stops a second ({stops})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
