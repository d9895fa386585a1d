# SPDX-License-Identifier: MIT
"""`espbench timings`: measures a firmware and the harness on the host's clock."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.boards.boot_media import write_files
from espbench.certs import recipes
from espbench.clients import Endpoint, Tls
from espbench.device.firmware_file import elf_of
from espbench.device.flash_layout import device_image
from espbench.errors import NotReady
from espbench.flash.elf import image_bytes
from espbench.flash.littlefs_image import normalise
from espbench.perf import figures
from espbench.perf.figures import Figure
from espbench.qemu.process import Machine, Wires, boot_line, command_line, find_qemu
from espbench.util import tempdirs

BOOT_LIMIT = 1.05
"""The largest acceptable ratio of a boot by the harness to one by a bare QEMU command."""
STALL_LIMIT = 500.0
"""Milliseconds that a connection may take: a frame that the driver misses waits for seconds."""
BATCH = 20
"""Requests to time together, because a single one ends before the heap is sampled."""
LISTENING = re.compile(rb'"listening"[^}]*"https"')


@dataclass(frozen=True)
class Effort:
    """Numbers of repetitions.

    Attributes:
        boots: boots by the harness, and as many by a bare QEMU.
        handshakes, requests, echoes: repetitions of each measurement.
        connections: sequential connections, the slowest of which must not stall.
        idle: seconds of idling.
        suites: suites with and without a pool, if pools are measured.
    """

    boots: int = 15
    handshakes: int = 20
    requests: int = 300
    echoes: int = 500
    connections: int = 5000
    idle: float = 5.0
    suites: int = 5


QUICK = Effort(boots=5, handshakes=6, requests=60, echoes=100, connections=500, idle=2.0, suites=2)

Progress = Callable[[str], None]


def run(
    board: Board, firmware: Path, effort: Effort, progress: Progress = lambda _: None
) -> list[Figure]:
    """Measure everything.

    Raises:
        EspbenchError: a device or a client failed.
    """
    sizes = _sizes(firmware)  # first, because it fails without an ELF
    progress("boots, by the harness and bare, alternating")
    harness, bare = _boots(board, firmware, effort.boots)
    found = [
        Figure("boot_to_https_ms", "Boot to first HTTPS answer", figures.median_ms(harness), "ms"),
        Figure(
            "boot_to_https_bare_ms",
            "The same by a bare QEMU command",
            figures.median_ms(bare),
            "ms",
        ),
        Figure(
            "boot_ratio",
            "Harness against bare QEMU",
            statistics.median(harness) / statistics.median(bare),
            "ratio",
            BOOT_LIMIT,
        ),
    ]
    for kind, title in ((figures.RSA, "RSA-2048"), (figures.ECDSA, "ECDSA P-256")):
        progress(f"handshakes {title}")
        recipe = recipes()[kind]
        with figures.device(board, firmware, recipe) as device:
            endpoint = figures.https(device, recipe)
            figures.first_answer(endpoint)
            times = list(figures.handshakes(endpoint, effort.handshakes))
            found += [
                Figure(
                    f"handshake_{kind}_ms",
                    f"TLS handshake, {title}",
                    figures.median_ms(times),
                    "ms",
                ),
                Figure(
                    f"handshakes_{kind}_per_s",
                    f"TLS handshakes, {title}",
                    len(times) / sum(times),
                    "1/s",
                ),
            ]
            if kind == figures.ECDSA:
                found += _serving(device, endpoint, recipe, effort, progress)
    progress("requests with evidence kept and without, alternating")
    ratio = _evidence(board, firmware, effort.requests)
    found.append(Figure("evidence_ratio", "Requests with evidence against none", ratio, "ratio"))
    return [*found, *sizes]


def _evidence(board: Board, firmware: Path, count: int) -> float:
    """Return the ratio of request times with capture and heap samples to those without."""
    recipe = recipes()[figures.ECDSA]
    with contextlib.ExitStack() as stack:
        endpoints = [
            figures.http(stack.enter_context(figures.device(board, firmware, recipe, **options)))
            for options in ({}, {"capture": True, "watch_heap": True})
        ]
        for endpoint in endpoints:
            figures.first_answer(endpoint)

        def batch(endpoint: Endpoint) -> float:
            return figures.timed(lambda: [endpoint.get("/hello") for _ in range(BATCH)])

        without: list[float] = []
        kept: list[float] = []
        for _ in range(max(count // BATCH, 1)):
            for endpoint, times in zip(endpoints, (without, kept), strict=True):
                times.append(batch(endpoint))
    return statistics.median(kept) / statistics.median(without)


def _serving(
    device: Any, https: Endpoint, recipe: Any, effort: Effort, progress: Progress
) -> list[Figure]:
    http = figures.http(device)
    progress("requests")
    found = [
        _rate(
            "http_new",
            "HTTP requests, a connection each",
            effort.requests,
            lambda: http.get("/hello"),
        ),
        *connections(
            [figures.timed(lambda: http.get("/hello")) for _ in range(effort.connections)]
        ),
    ]
    for name, endpoint in (("http", http), ("https", https)):
        with endpoint.http() as connection:
            found.append(
                _rate(
                    f"{name}_kept",
                    f"{name.upper()} requests, connection kept",
                    effort.requests,
                    lambda connection=connection: connection.get("/hello"),  # type: ignore[misc]
                )
            )
    progress("WebSocket echoes")
    for name, endpoint in (("ws", http), ("wss", https)):
        with endpoint.websocket("/ws") as websocket:

            def echo(websocket: Any = websocket) -> None:
                websocket.send("0123456789abcdef")
                websocket.receive()

            found.append(_rate(f"{name}_echo", f"{name.upper()} echoes", effort.echoes, echo))
    progress("memory and idling")
    found.append(
        Figure(
            "heap_per_session_bytes",
            "Heap per TLS session",
            figures.heap_per_session(device, recipe),
            "bytes",
        )
    )
    heap = device.settle()
    found.append(Figure("heap_free_bytes", "Free heap, servers running", heap.free, "bytes"))
    found.append(
        Figure(
            "idle_cpu_percent",
            "Host CPU when idle",
            figures.idle_cpu(device, effort.idle),
            "%",
            device.board.idle_cpu,
        )
    )
    return found


def connections(seconds: Sequence[float]) -> list[Figure]:
    """Return the figures of sequential connections; pure."""
    return [
        Figure(
            "slowest_connection_ms",
            f"Slowest of {len(seconds)} connections",
            max(seconds) * 1000,
            "ms",
            STALL_LIMIT,
        ),
        Figure("median_connection_ms", "Their median", figures.median_ms(seconds), "ms"),
    ]


def _rate(key: str, title: str, count: int, action: Callable[[], object]) -> Figure:
    action()
    seconds = figures.timed(lambda: [action() for _ in range(count)])
    return Figure(f"{key}_per_s", title, count / seconds, "1/s")


def _sizes(firmware: Path) -> list[Figure]:
    size = image_bytes(elf_of(firmware))
    return [Figure("image_bytes", "Image: code and constants", size, "bytes")]


# ------------------------------------------------------------------- boots


def _boots(board: Board, firmware: Path, count: int) -> tuple[list[float], list[float]]:
    """Alternate boots by the harness and bare ones, so a busy host affects both alike."""
    folder = tempdirs.new_folder("bare")
    try:
        machine, flash = _bare_machine(board, firmware, folder)
        _by_harness(board, firmware)  # fill the page cache for both
        _bare(machine, flash, folder)
        harness, bare = [], []
        for _ in range(count):
            harness.append(_by_harness(board, firmware))
            bare.append(_bare(machine, flash, folder))
    finally:
        tempdirs.remove_folder(folder)
    return harness, bare


def _by_harness(board: Board, firmware: Path) -> float:
    recipe = recipes()[figures.ECDSA]
    start = time.perf_counter()
    with figures.device(board, firmware, recipe, forwards={443: 1}) as device:
        figures.first_answer(figures.https(device, recipe))
        return time.perf_counter() - start


def _bare_machine(board: Board, firmware: Path, folder: Path) -> tuple[Machine, bytes]:
    recipe = recipes()[figures.ECDSA]
    files = {f"{figures.CERTS}/{name}": data for name, data in recipe.device_files.items()}
    image = device_image(board, firmware, normalise(files), {}).build()
    machine = Machine(
        board=board,
        firmware=firmware.absolute(),
        flash=folder / "flash.img",
        boot_arguments={"seed": "5e" * 32} if board.seeded else {},
        forwards={board.ports["https"]: 1},
    )
    write_files(board.handover, folder, firmware, boot_line(machine))
    return machine, image


def free_port() -> int:
    """Return a port of the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _records_to_the_terminal(board: Board) -> list[str]:
    """Return the arguments that show the control UART, if any, together with the console."""
    if board.control_uart is None:
        return []
    return [*["-serial", "null"] * (board.control_uart - 1), "-serial", "file:/dev/stdout"]


def _bare(machine: Machine, image: bytes, folder: Path) -> float:
    """Start a bare QEMU, wait until its console reports the listener, and send a request."""
    recipe = recipes()[figures.ECDSA]
    machine = replace(machine, flash=folder / "flash.img")
    machine.flash.write_bytes(image)
    port = free_port()
    command = [
        word.replace("hostfwd=tcp:127.0.0.1:0-", f"hostfwd=tcp:127.0.0.1:{port}-")
        for word in command_line(machine, Wires.terminal(), program=find_qemu(machine.board))
    ]
    command += _records_to_the_terminal(machine.board)
    start = time.perf_counter()
    # Give it a pipe as input: with /dev/null, QEMU's stdio prints nothing.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        seen = b""
        while not LISTENING.search(seen):
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                tail = seen.decode(errors="replace")
                raise NotReady(
                    "A bare QEMU exited before its firmware listened: look for the cause in its "
                    f"output, or boot it with `espbench up`. It printed:\n{tail}",
                    tail=tail,
                )
            seen += piece
        figures.first_answer(
            Endpoint(port, Tls(trust=recipe.trust, server_name=recipe.server_name))
        )
        return time.perf_counter() - start
    finally:
        process.kill()
        process.communicate()


# ------------------------------------------------------------------- results


def write(found: Sequence[Figure], versions: dict[str, str], path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_json(found, versions), indent=1) + "\n")


def as_json(found: Sequence[Figure], versions: dict[str, str]) -> dict[str, Any]:
    """Return the figures as a JSON object."""
    return {
        "versions": versions,
        "good": all(figure.good for figure in found),
        "figures": {figure.key: figure.as_json() for figure in found},
    }
