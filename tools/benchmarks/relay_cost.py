# SPDX-License-Identifier: MIT
"""What the relay of `Device.url()` costs: per connection, per request, and for clients at once.

    python tools/benchmarks/relay_cost.py       # 20 rounds in turns

Rounds through the relay and through the port that slirp forwards take turns, in one run, on the
reference firmware of `lx60`. CPU time is that of this process, which has the client and the relay,
and of QEMU; it varies less on a busy machine than the wall clock does.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import time
from collections.abc import Callable

import psutil
from espbench.boards.builtin import LX60
from espbench.clients.concurrent import run_concurrently
from espbench.clients.tcp import Stream
from espbench.device.device import Device
from espbench.firmware.build import firmware

CLIENTS = 24
"""Clients at once; more than the device serves at a time, so only their connecting is measured."""
CONNECTIONS, REQUESTS = 20, 50
"""Of one round."""
Figures = dict[str, list[tuple[float, float]]]


def measure(device: Device, work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds of CPU time and of wall-clock time that this takes."""
    qemu = psutil.Process(device.pid)

    def now() -> tuple[float, float]:
        times = qemu.cpu_times()
        return time.process_time() + times.user + times.system, time.perf_counter()

    before = now()
    work()
    return tuple(after - start for start, after in zip(before, now(), strict=True))  # type: ignore[return-value]


def connections(port: int) -> None:
    """Send one request on each of several connections."""
    for _ in range(CONNECTIONS):
        with Stream.connect(port) as stream:
            stream.send(b"GET /hello HTTP/1.1\r\nHost: device\r\nConnection: close\r\n\r\n")
            stream.receive_until_end()


def requests(port: int) -> None:
    """Send several requests on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(REQUESTS):
        connection.request("GET", "/hello")
        connection.getresponse().read()
    connection.close()


def at_once(port: int) -> None:
    """Connect clients at the same moment."""

    def connect() -> None:
        Stream.connect(port, timeout=60).close()

    for outcome in run_concurrently([connect] * CLIENTS, 120):
        outcome.get()


KINDS: dict[str, tuple[Callable[[int], None], int]] = {
    "a connection with a request": (connections, CONNECTIONS),
    "a request on an open connection": (requests, REQUESTS),
    f"{CLIENTS} clients at once": (at_once, 1),
}


def compare(rounds: int) -> tuple[float, dict[str, Figures]]:
    """Return the seconds that starting the relay took, and each kind's figures by way."""
    found: dict[str, Figures] = {kind: {"relay": [], "slirp": []} for kind in KINDS}
    with Device(LX60, firmware(LX60)) as device:
        begin = time.perf_counter()
        ports = {"relay": device.relay(80), "slirp": device.port(80)}
        started = time.perf_counter() - begin
        for kind, (work, _) in KINDS.items():
            for number in range(rounds):
                for way in ("relay", "slirp")[:: -1 if number % 2 else 1]:
                    figures = measure(device, lambda work=work, way=way: work(ports[way]))  # type: ignore[misc]
                    found[kind][way].append(figures)
                    device.settle()
    return started, found


def main() -> int:
    """Measure, and print a line for each kind; return an exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="rounds of each kind")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds takes 1 or more.")
    started, found = compare(rounds)
    print(f"starting the relay: {started * 1000:.1f} ms")
    for kind, ways in found.items():
        for index, clock in enumerate(("CPU", "wall clock")):
            relay, slirp = (
                statistics.median(each[index] for each in ways[way]) / KINDS[kind][1] * 1000
                for way in ("relay", "slirp")
            )
            print(
                f"{kind}, {clock}: {relay:.2f} ms with the relay, {slirp:.2f} ms without "
                f"(medians of {rounds}); ratio {relay / slirp:.2f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
