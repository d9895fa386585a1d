# SPDX-License-Identifier: MIT
"""The probe firmware reports its heap and tasks, listens, and fails on request."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import probe_builds
import pytest
from espbench.clients import source_ports
from espbench.device.device import Device
from espbench.errors import ConsoleTimeout
from probe_builds import Build, ask

WHY = probe_builds.absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "they are here")

CAPABILITIES = {"DEFAULT", "INTERNAL", "8BIT", "32BIT", "DMA"}
OWN_TASKS = {
    "suspended": ("eSuspended", 3),
    "delayed": ("eBlocked", 5),
    "queued": ("eBlocked", 7),
}
"""State and priority of the tasks that only wait."""
HELD = 10_000
ROUNDING = 1_024
"""Bytes that ESP-IDF's allocator may add to a block of HELD bytes."""


@pytest.fixture(params=probe_builds.builds(), ids=lambda build: build.name)
def build(request: pytest.FixtureRequest) -> Build:
    """Return each build."""
    found: Build = request.param
    return found


@pytest.fixture
def probe(build: Build) -> Iterator[Device]:
    """Return the running probe."""
    forwards = {probe_builds.TCP_PORT: 1}
    # without internet access, slirp drops the guest's UDP datagrams
    with build.device(ports={"http": 80}, forwards=forwards, internet=True) as device:
        yield device


def heap(device: Device) -> dict[str, dict[str, int]]:
    """Return the figures of each capability."""
    found: dict[str, dict[str, int]] = ask(device, "heap")["heap"]
    return found


def tasks(device: Device) -> dict[str, dict[str, Any]]:
    """Return the tasks by name."""
    return {task["name"]: task for task in ask(device, "tasks")["tasks"]}


def test_heap(probe: Device, build: Build) -> None:
    """At rest the figures do not change; a held block shows in them, and is returned."""
    before = heap(probe)
    assert set(before) - {"SPIRAM"} == CAPABILITIES
    assert ("SPIRAM" in before) == (build.variant == "spiram")
    assert heap(probe) == before
    assert ask(probe, f"alloc {HELD}") == {"held": HELD}
    held = heap(probe)["DEFAULT"]
    assert 0 <= before["DEFAULT"]["total_free_bytes"] - held["total_free_bytes"] - HELD <= ROUNDING
    assert held["allocated_blocks"] == before["DEFAULT"]["allocated_blocks"] + 1
    assert ask(probe, "free") == {"held": 0}
    after = heap(probe)
    for name, figures in after.items():
        for field in figures.keys() - {"minimum_free_bytes"}:
            assert figures[field] == before[name][field], (name, field)


def test_alloc_that_fails(probe: Device) -> None:
    """A block larger than the heap is not held; an argument that is not a number is an error."""
    assert ask(probe, "alloc 100000000") == {"held": 0}
    for argument in ("", "x", "-1", "1 2"):
        with pytest.raises(ValueError, match=r"number of bytes|unknown command"):
            ask(probe, f"alloc {argument}")


def test_tasks(probe: Device, build: Build) -> None:
    """The three tasks that wait are in the states and have the priorities they were given."""
    found = tasks(probe)
    for name, (state, priority) in OWN_TASKS.items():
        assert (found[name]["state"], found[name]["priority"]) == (state, priority), name
        assert found[name]["stack_high_water_mark"] > 0
    two_cores = build.board in ("esp32", "esp32s3") and build.variant != "unicore"
    assert found["queued"]["core"] == int(two_cores)
    assert ("IDLE1" in found) == two_cores
    assert found["main"]["state"] == "eRunning"


def test_ports(probe: Device) -> None:
    """HTTP answers, and TCP and UDP echo."""
    assert httpx.get(probe.url("/"), timeout=20).text == "hello\n"
    port = probe.addresses.port(probe_builds.TCP_PORT)
    with source_ports.connect(port, 20) as client:
        client.sendall(b"over TCP")
        assert client.recv(100) == b"over TCP"
    with (
        udp_forward(probe, probe_builds.UDP_PORT) as port,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(20)
        client.sendto(b"over UDP", ("127.0.0.1", port))
        assert client.recv(100) == b"over UDP"


@contextlib.contextmanager
def udp_forward(device: Device, guest_port: int) -> Iterator[int]:
    """Forward a UDP port of the host to the guest; return its number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = f"net0 udp:127.0.0.1:{port}"
    assert not monitor(device, f"hostfwd_add {where}-:{guest_port}")
    try:
        yield port
    finally:
        monitor(device, f"hostfwd_remove {where}")


def monitor(device: Device, line: str) -> str:
    """Return the output of a command of QEMU's human monitor."""
    output: str = device.monitor("human-monitor-command", **{"command-line": line})
    return output


def test_panic(probe: Device) -> None:
    """It panics, restarts, and answers again."""
    with probe.expects_panic() as panics:
        probe.console.send("panic\n")
    assert panics[0].cause == "abort"
    assert panics[0].backtrace
    probe.wait_ready()
    assert heap(probe)


def test_restart(probe: Device) -> None:
    """It restarts without a panic."""
    ask(probe, f"alloc {HELD}")
    before = heap(probe)["DEFAULT"]["allocated_blocks"]
    probe.console.send("restart\n")
    probe.console.expect(r'^{"ready": true}$', 30)
    assert heap(probe)["DEFAULT"]["allocated_blocks"] == before - 1


def test_hang(probe: Device) -> None:
    """It stops answering, and QEMU keeps running."""
    probe.console.send("hang\n")
    probe.console.skip()
    probe.console.send("heap\n")
    with pytest.raises(ConsoleTimeout):
        probe.console.expect(r"^{", 1)
    assert probe.running
