# SPDX-License-Identifier: MIT
"""`Figure`, and measurements of a device on the host's clock: boot, handshakes, memory, idling."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from espbench.boards.board import Board
from espbench.certs import Recipe, recipes
from espbench.clients import Endpoint, Tls
from espbench.device.boot_phases import FIRST_ANSWER, BootPhase, phases_of
from espbench.device.device import Device

CERTS = "/certs"
FORWARDS = {80: 2, 443: 6}
RSA, ECDSA = "rsa2048", "p256"
SESSIONS = 3
"""Concurrent TLS sessions for measuring their memory."""


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        key: identifier, for JSON.
        title: name, for display.
        value: the value in `unit`.
        unit: such as "ms", "bytes", "1/s", "1/min", "%", "ratio".
        limit: the highest acceptable value, or None.
    """

    key: str
    title: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def good(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or self.value <= self.limit

    def shown(self) -> str:
        """Return value and unit for display."""
        match self.unit:
            case "bytes":
                return f"{self.value / 1000:,.1f} kB"
            case "ratio":
                return f"{self.value:.3f}"
            case "1/s":
                return f"{self.value:,.0f} /s" if self.value >= 100 else f"{self.value:.1f} /s"
            case "1/min":
                return f"{self.value:.2f} /min"
            case "%":
                return f"{self.value:.2f} %"
            case _:
                return f"{self.value:,.1f} {self.unit}"

    def as_json(self) -> dict[str, Any]:
        """Return the figure as a JSON object."""
        return {**asdict(self), "good": self.good}


@dataclass(frozen=True)
class Measured:
    """The result of `quick`: the figures, and the phases of one boot."""

    figures: tuple[Figure, ...]
    boot: tuple[BootPhase, ...]


def device(board: Board, firmware: Path, recipe: Recipe, **options: Any) -> Device:
    """Return a device (not started) that serves HTTPS with a recipe's certificate."""
    files = {f"{CERTS}/{name}": data for name, data in recipe.device_files.items()}
    options.setdefault("forwards", FORWARDS)
    options.setdefault("capture", False)
    return Device(board, firmware, files=files, **options)


def https(device: Device, recipe: Recipe, index: int = 0) -> Endpoint:
    """Return the HTTPS endpoint, for clients that verify the certificate."""
    port = device.port(device.board.ports["https"], index)
    return Endpoint(port, Tls(trust=recipe.trust, server_name=recipe.server_name))


def http(device: Device, index: int = 0) -> Endpoint:
    """Return the HTTP endpoint."""
    return Endpoint(device.port(device.board.ports["http"], index))


def first_answer(endpoint: Endpoint) -> None:
    """Wait until the device has answered a request."""
    answer = endpoint.get("/hello")
    if answer.status != 200:
        raise AssertionError(f"GET /hello was answered with {answer.status}")


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that `action` took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def handshakes(endpoint: Endpoint, count: int) -> Iterator[float]:
    """Yield the durations in seconds of full handshakes in sequence, including TCP's."""
    for _ in range(count):
        start = time.perf_counter()
        stream = endpoint.tls_stream()
        yield time.perf_counter() - start
        stream.close()


def median_ms(seconds: Sequence[float] | Iterator[float]) -> float:
    """Return the median in milliseconds."""
    return statistics.median(list(seconds)) * 1000


def heap_per_session(device: Device, recipe: Recipe) -> float:
    """Return the bytes that an established, idle TLS session holds."""
    first_answer(https(device, recipe))  # the first connection also allocates permanent memory
    device.settle()
    before = device.heap_at_rest().free
    streams = []
    try:
        for index in range(SESSIONS):
            stream = https(device, recipe, index).http()
            streams.append(stream)
            stream.get("/hello")
        held = before - device.heap_at_rest().free
    finally:
        for stream in streams:
            stream.close()
    device.settle()
    return held / SESSIONS


def idle_cpu(device: Device, seconds: float) -> float:
    """Return the host CPU time that QEMU uses while the device idles, in percent of one core."""
    assert device.pid is not None
    process = psutil.Process(device.pid)
    before, start = process.cpu_times(), time.perf_counter()
    time.sleep(seconds)  # no event to wait for: this is the measured interval
    after, end = process.cpu_times(), time.perf_counter()
    used = after.user + after.system - before.user - before.system
    return 100 * used / (end - start)


def boot(board: Board, firmware: Path) -> tuple[BootPhase, ...]:
    """Return the phases of one boot, up to the first HTTPS answer.

    Raises:
        EspbenchError: the device or the client failed.
    """
    recipe = recipes()[ECDSA]
    with device(board, firmware, recipe) as booted:
        first_answer(https(booted, recipe))
        end = booted.timeline.add(FIRST_ANSWER).at
        # Later console events, from the reader thread, do not belong to the boot.
        return phases_of(event for event in booted.timeline if event.at <= end)


def quick(board: Board, firmware: Path, *, boots: int = 5, count: int = 8) -> Measured:
    """Measure the figures for the report of every run, in a few seconds.

    Raises:
        EspbenchError: a device or a client failed.
    """
    rsa, ecdsa = recipes()[RSA], recipes()[ECDSA]
    seen = [boot(board, firmware) for _ in range(boots)]
    boot_ms = median_ms([moments[-1].at for moments in seen])
    with device(board, firmware, ecdsa) as booted:
        first_answer(https(booted, ecdsa))
        ecdsa_ms = median_ms(handshakes(https(booted, ecdsa), count))
        session = heap_per_session(booted, ecdsa)
        free = float(booted.settle().free)
    with device(board, firmware, rsa) as booted:
        first_answer(https(booted, rsa))
        rsa_ms = median_ms(handshakes(https(booted, rsa), count))
    return Measured(
        (
            Figure("boot_to_https_ms", "Boot to first HTTPS answer", boot_ms, "ms"),
            Figure("handshake_rsa2048_ms", "TLS handshake, RSA-2048", rsa_ms, "ms"),
            Figure("handshake_p256_ms", "TLS handshake, ECDSA P-256", ecdsa_ms, "ms"),
            Figure("heap_per_session_bytes", "Heap per TLS session", session, "bytes"),
            Figure("heap_free_bytes", "Free heap, servers running", free, "bytes"),
        ),
        seen[-1],
    )
