# SPDX-License-Identifier: MIT
"""A look from outside agrees with what ESP-IDF says of itself, in a firmware that knows nothing."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import probe_builds
import pytest
from espbench.clients import ClientError, Endpoint
from espbench.device.device import Device
from espbench.errors import MemoryLeaked, Panicked
from espbench.inspect.heap.figures import Capability, HeapFigures
from espbench.inspect.sockets import Listener
from espbench.inspect.tasks.task import TaskState
from espbench.reporting.evidence import save
from probe_builds import Build, ask

WHY = probe_builds.absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "available")

CAPABILITIES = {
    "DEFAULT": Capability.DEFAULT,
    "INTERNAL": Capability.INTERNAL,
    "8BIT": Capability.BIT8,
    "32BIT": Capability.BIT32,
    "DMA": Capability.DMA,
    "SPIRAM": Capability.SPIRAM,
}
STATES = {
    TaskState.RUNNING: "eRunning",
    TaskState.READY: "eReady",
    TaskState.BLOCKED: "eBlocked",
    TaskState.SUSPENDED: "eSuspended",
    TaskState.DELETED: "eDeleted",
}
WAITING = ("suspended", "delayed", "queued", "echo_tcp", "echo_udp", "httpd")
HTTP = 80
LISTENERS = {Listener("tcp", HTTP), Listener("tcp", 8266), Listener("udp", 5353)}


@pytest.fixture(scope="module", params=probe_builds.builds(), ids=lambda build: build.name)
def build(request: pytest.FixtureRequest) -> Build:
    """Return each build."""
    found: Build = request.param
    return found


@pytest.fixture(scope="module")
def device(build: Build) -> Iterator[Device]:
    """Return a device with the probe."""
    with build.device(forwards={HTTP: 4, probe_builds.TCP_PORT: 1}) as device:
        yield device


def said(device: Device) -> dict[str, dict[str, int]]:
    """Return the heaps as the firmware reports them."""
    found: dict[str, dict[str, int]] = ask(device, "heap")["heap"]
    return found


def seen(device: Device) -> dict[str, dict[str, int]]:
    """Return the same from outside."""
    heaps = device.heaps()
    found = {
        name: asdict(HeapFigures.of(heaps, capability)) for name, capability in CAPABILITIES.items()
    }
    return {name: figures for name, figures in found.items() if figures["total_blocks"]}


def assert_agree(device: Device, build: Build) -> None:
    """Assert that the figures from outside are those that the firmware reports."""
    found, told = seen(device), said(device)
    if build.variant == "tracking":
        # heap_caps_get_info subtracts the owner's size from the largest block once for each heap
        for name, figures in told.items():
            too_small = found[name]["largest_free_block"] - figures["largest_free_block"]
            assert too_small in range(0, 4 * len(device.heaps()), 4)
            figures["largest_free_block"] += too_small
    assert found == told


def test_heaps(device: Device, build: Build) -> None:
    """Every figure of every capability is what heap_caps_get_info says, to the byte."""
    assert_agree(device, build)


def test_an_allocation(device: Device, build: Build) -> None:
    """Memory that the firmware takes and frees shows from outside, with the lowest free ever."""
    before = device.heap()
    assert ask(device, "alloc 20000")["held"] == 20000
    held = device.heap()
    # TLSF rounds the size up to that of a list: here, to a multiple of 512.
    assert 20000 <= before.free - held.free <= 20480 + 4
    assert held.blocks == before.blocks + 1
    assert held.low_water <= held.free
    assert_agree(device, build)
    assert ask(device, "free")["held"] == 0
    after = device.heap()
    assert (after.free, after.blocks) == (before.free, before.blocks)
    assert after.low_water == held.low_water


def test_tasks(device: Device) -> None:
    """Name, state, priority, core and least free stack are what uxTaskGetSystemState says."""
    reported: list[dict[str, Any]] = ask(device, "tasks")["tasks"]
    by_name = {task["name"]: task for task in reported}
    tasks = {task.name: task for task in device.tasks()}
    assert set(tasks) == set(by_name)
    for name, task in tasks.items():
        told = by_name[name]
        assert (task.priority, -1 if task.core is None else task.core) == (
            told["priority"],
            told["core"],
        ), name
        # The task that answers, and those that send its answer, run deeper and change state then.
        if name in WAITING:
            assert task.stack_low_water == told["stack_high_water_mark"], name
            assert STATES[task.state] == told["state"], name
    assert tasks["suspended"].state is TaskState.SUSPENDED
    assert tasks["delayed"].state is TaskState.BLOCKED
    assert tasks["queued"].state is TaskState.BLOCKED
    assert tasks["queued"].stack_size == 4096
    assert {task.name for task in device.inspection.running_tasks()} <= {"IDLE", "IDLE0", "IDLE1"}


def test_listeners(device: Device) -> None:
    """What listens is found, and what only the device itself can reach is marked."""
    found = set(device.listeners())
    assert found >= LISTENERS
    (control,) = (each for each in found if each.port == 32768)  # esp_http_server's own
    assert not control.reachable
    assert all(each.reachable for each in found - {control})


def test_no_leak(device: Device) -> None:
    """Requests leave nothing; an allocation that stays is found."""
    endpoint = Endpoint(device.port(HTTP))
    endpoint.get("/")
    with device.no_leak():
        for _ in range(5):
            assert endpoint.get("/").body == b"hello\n"
    with (
        pytest.raises(MemoryLeaked, match="did not come to rest"),
        device.no_leak(timeout=1.0),
    ):
        ask(device, "alloc 100")
    ask(device, "free")


def test_connections(device: Device) -> None:
    """A client's connection is seen, and keeps the heap from counting as at rest."""
    with Endpoint(device.port(8266)).raw():
        deadline = time.monotonic() + 10
        while device.inspection.accepted_connections() != {"ESTABLISHED": 1}:
            assert time.monotonic() < deadline
            device.wait_for_change(0.05)
        with pytest.raises(MemoryLeaked, match="ESTABLISHED"):
            device.settle(0.2)


def hello(device: Device) -> None:
    """Request the probe's page."""
    endpoint = Endpoint(device.port(HTTP), timeout=30)
    assert endpoint.get("/").body == b"hello\n"


def test_low_water(device: Device, build: Build) -> None:
    """The low-water mark can be reset, and the firmware reports the new one."""
    ask(device, "alloc 40000")
    ask(device, "free")
    before = device.heap()
    assert before.low_water <= before.free - 40000
    device.heap_reset()
    after = device.heap()
    assert after.low_water == after.free
    assert_agree(device, build)


def test_ballast(device: Device, build: Build) -> None:
    """Memory is held back in a guest that knows nothing of it, and given back whole."""
    hello(device)
    before = device.memory.at_rest()
    held = device.ballast(before.free - 30_000)
    try:
        # With PSRAM there are more regions, each with a rest that no block of a size fits.
        missing = 100_000 if build.variant == "spiram" else 100
        assert before.free - 30_000 - missing <= held <= before.free - 30_000
        assert device.heap().ballast == held
        assert 20_000 < device.memory.at_rest().free < 31_000 + missing
        hello(device)
    finally:
        assert device.ballast(0) == 0
    assert device.memory.at_rest().blocks <= before.blocks


def test_a_number_of_an_allocation(device: Device) -> None:
    """The n-th allocation fails, once; all are counted."""
    hello(device)
    device.fail_alloc(1_000_000)
    hello(device)
    total = device.fail_alloc_seen()
    device.fail_alloc(0)
    assert total["allocations"] > 5
    assert total["failed"] == 0
    device.fail_alloc(2)
    with contextlib.suppress(ClientError, OSError):
        Endpoint(device.port(HTTP), timeout=10).get("/")
    assert device.fail_alloc_seen()["failed"] == 1
    device.fail_alloc(0)
    hello(device)


def test_places(device: Device) -> None:
    """A request's allocations have their places in the source, and one of them can fail."""
    hello(device)
    places = device.allocation_places(lambda: hello(device))
    names = {place.name.partition(" ")[0] for place in places}
    assert names >= {"tcp_alloc", "netconn_alloc"}
    assert not any("alloc_base" in name or name in ("malloc", "calloc") for name in names)
    (place,) = (each for each in places if each.name.startswith("netconn_alloc "))
    assert re.fullmatch(r"netconn_alloc \(api_msg\.c:\d+\)", place.name)
    with device.fail_alloc_at(place) as trial, contextlib.suppress(ClientError, OSError):
        Endpoint(device.port(HTTP), timeout=3).get("/")
    assert trial.failed == 1
    hello(device)


def test_a_sweep(device: Device) -> None:
    """Each place fails once; what follows is said in a sentence, and the next one starts afresh."""
    hello(device)
    places = [
        place
        for place in device.allocation_places(lambda: hello(device))
        if place.name.startswith(("netconn_alloc", "tcp_alloc", "httpd_sess_new"))
    ]
    outcomes = list(device.allocation_sweep(lambda: hello(device), places=places))
    assert [outcome.place for outcome in outcomes] == places
    assert all(outcome.answers and outcome.failed for outcome in outcomes), outcomes
    assert all(" fails: " in str(outcome) for outcome in outcomes)


def test_evidence(build: Build, tmp_path: Path) -> None:
    """A failed test keeps the heap's curve, and the tasks and sockets at the end."""
    with build.device(watch_heap=True, forwards={HTTP: 1}) as device:
        for _ in range(3):
            Endpoint(device.port(HTTP)).get("/")
        folder = save(device, tmp_path / "evidence").folder
    lines = [json.loads(line) for line in (folder / "heap.jsonl").read_text().splitlines()]
    assert {line["why"] for line in lines} == {"network", "end"}
    assert all(100_000 < line["free"] < line["size"] for line in lines)
    kept = json.loads((folder / "tasks.json").read_text())
    assert "queued" in {task["name"] for task in kept["tasks"]}
    assert {"protocol": "tcp", "port": HTTP, "address": ""} in kept["listeners"]
    assert isinstance(kept["connections"], dict)


@pytest.fixture
def fresh(build: Build) -> Iterator[Device]:
    """Return a device of its own, for a test that ruins it."""
    device = build.device(forwards={HTTP: 1})
    device.start()
    try:
        yield device
    finally:
        device.close()


def test_allocations_that_keep_failing(fresh: Device) -> None:
    """All later allocations fail, too, until that is disabled or lwIP restarts the device."""
    hello(fresh)
    fresh.fail_alloc(1, persistent=True)
    with pytest.raises((ClientError, OSError)):
        Endpoint(fresh.port(HTTP), timeout=5).get("/")
    assert fresh.fail_alloc_seen()["failed"] >= 1
    fresh.fail_alloc(0)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(ClientError, OSError):
            hello(fresh)
            break
    hello(fresh)


def test_a_hanging_guest(fresh: Device) -> None:
    """A guest that spins with its interrupts disabled can be looked into."""
    before = fresh.heap()
    fresh.console.send("hang\n")
    deadline = time.monotonic() + 10
    while "main" not in {task.name for task in fresh.inspection.running_tasks()}:
        assert time.monotonic() < deadline
        fresh.wait_for_change(0.05)
    assert fresh.heap().size == before.size
    assert {task.name for task in fresh.tasks()} >= {"suspended", "delayed", "queued"}
    assert set(fresh.listeners()) >= LISTENERS


def test_a_panic_and_a_restart(fresh: Device) -> None:
    """A look after a panic works once the firmware runs again, with the figures of that boot."""
    at_first = fresh.heap()
    ask(fresh, "alloc 30000")
    fresh.console.send("panic\n")
    with pytest.raises(Panicked, match="abort"):
        fresh.console.expect("never printed")
    fresh.close()
    fresh.start()
    assert abs(fresh.heap().free - at_first.free) < 1024
    fresh.console.send("restart\n")
    fresh.console.expect(r"SW_CPU_RESET|SW_RESET|RTC_SW_CPU_RST|SW_CPU")
    fresh.console.expect('"ready": true')
    assert abs(fresh.heap().free - at_first.free) < 1024
