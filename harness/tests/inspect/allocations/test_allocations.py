# SPDX-License-Identifier: MIT
"""Allocations of the running firmware of whichever board is chosen: seen, failed, and held back."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from espbench import Device
from espbench.certs import Recipe
from espbench.clients import ClientError, Endpoints
from espbench.errors import ConfigError, ControlTimeout
from espbench.inspect.allocations import (
    AllocationFailures,
    AllocationPlaces,
    Allocators,
    Ballast,
    Outcome,
    try_places,
)
from espbench.inspect.stub import (
    FirmwareCode,
    GdbStub,
    GuestRestarted,
    StubClosed,
    StubError,
    StubTimeout,
)

PATIENCE = 8.0
"""Seconds that a client waits: slirp sends a SYN again after 6 s if its allocation failed."""


@pytest.fixture
def device_options(recipe: Recipe) -> Mapping[str, Any]:
    """Return the options of each device that these tests start."""
    return {"files": recipe.on_device()}


@pytest.fixture
def stub(device: Device) -> Iterator[GdbStub]:
    """Return a stub that is attached while the test runs."""
    assert device.qemu.qmp is not None
    with GdbStub(device.qemu.qmp, FirmwareCode(device.elf)) as attached:
        yield attached


@pytest.fixture
def ballast(stub: GdbStub, endpoints: Endpoints) -> Ballast:
    """Return ballast that TCP connections nudge."""
    return Ballast(stub, lambda: endpoints.http.raw().close())


def request(endpoints: Endpoints) -> None:
    """Make a request with a TLS handshake."""
    assert endpoints.https.patient(PATIENCE).get("/hello").status == 200


def settled(device: Device) -> int:
    """Return the free bytes once the heap is at rest and connections are forgotten.

    MicroPython's heap may grow out of the same memory: what it has counts as free.
    """
    device.settle(20)
    heap = device.heap_at_rest(20)
    return heap.free + (heap.gc_size if device.board.preemptive else 0)


def test_places(device: Device, endpoints: Endpoints, stub: GdbStub) -> None:
    """A handshake with one request has places with function, file and line; no wrapper is one."""
    request(endpoints)
    places = AllocationPlaces(stub).of(lambda: request(endpoints))
    names = {place.frames[0].function for place in places}
    assert {"ssl_handshake_init", "pbuf_alloc", "tcp_alloc"} <= names
    assert not {"malloc", "calloc", "mbedtls_calloc", "mem_malloc", "net_malloc", "??"} & names
    [setup] = [place for place in places if place.frames[0].function == "open_session"]
    assert setup.count == 1
    assert setup.name.startswith("open_session (session.c:")
    assert setup.callers[0].startswith("tls_handshake (session.c:")
    assert setup.needed == 1
    assert sum(place.count for place in places) == sum(
        count for place in places for _, count in place.sizes
    )
    assert len({place.chain for place in places}) == len(places) > 20


def test_elf_of_another_build(device: Device, tmp_path: Path) -> None:
    """An ELF with other code at the allocators is refused before anything is changed."""
    data = bytearray(device.elf.read_bytes())
    code = FirmwareCode(device.elf)
    function = Allocators.of(code).all[0].function
    offset = data.find(code.at(function.address, function.size))
    data[offset + 6 : offset + 9] = b"\0\0\0"
    other = tmp_path / "other.elf"
    other.write_bytes(data)
    assert device.qemu.qmp is not None
    with GdbStub(device.qemu.qmp, FirmwareCode(other)) as stub:
        expected = rf"other\.elf is not the ELF of the running firmware.* {function.name} \(0x"
        for kind in (AllocationPlaces, AllocationFailures):
            with pytest.raises(StubError, match=expected):
                kind(stub)
        with pytest.raises(StubError, match=expected):
            Ballast(stub, lambda: None)


def test_counts_like_the_device(device: Device, endpoints: Endpoints, stub: GdbStub) -> None:
    """The n-th next allocation fails, once or persistently, as with the module `bench`."""
    failures = AllocationFailures(stub)
    with failures.failing(1 << 30):
        device.fail_alloc(1 << 30)
        for _ in range(3):
            assert endpoints.http.get("/hello").status == 200
        device.settle()
        seen, own = failures.seen, device.fail_alloc_seen()
        device.fail_alloc(0)
    assert seen["failed"] == 0
    if not device.board.preemptive:
        assert seen == own
    else:  # the heap is everybody's there, and the module counts those of the servers only
        assert seen["allocations"] > 0
    with failures.failing(1), contextlib.suppress(ClientError):
        endpoints.http.patient(1).get("/hello")
    assert failures.seen["failed"] == 1
    assert failures.seen["allocations"] >= 1
    with failures.failing(2, persistent=True), pytest.raises(ClientError):
        endpoints.http.patient(1).get("/hello")
    assert failures.seen["failed"] == failures.seen["allocations"] - 1 > 0
    request(endpoints)


def test_filter_by_function(device: Device, endpoints: Endpoints, stub: GdbStub) -> None:
    """Only allocations with a certain function among their callers are counted."""
    request(endpoints)
    failures = AllocationFailures(stub)
    # The first below mbedtls_ssl_handshake may be for the ACK of a long ClientHello: not fatal.
    with failures.failing(1, function="mbedtls_ssl_derive_keys"), pytest.raises(ClientError):
        request(endpoints)
    assert failures.seen["failed"] == 1
    with failures.failing(1, function="net_up"):
        request(endpoints)
    assert failures.seen == {"allocations": 0, "failed": 0}
    with pytest.raises(ConfigError, match=r"firmware\.elf has no function nobody: check its name"):
        failures.arm(1, function="nobody")


def test_one_place_fails(device: Device, endpoints: Endpoints, stub: GdbStub) -> None:
    """A place with a call of its own needs one stop; the client ends, the next one is served."""
    request(endpoints)
    places = AllocationPlaces(stub).of(lambda: request(endpoints))
    own = next(p for p in places if p.frames[0].function == "open_session")
    shared = next(p for p in places if p.needed > 1 and "mbedtls" in p.callers[-1])
    failures = AllocationFailures(stub)
    before = settled(device)
    for place, stops in ((own, 1), (shared, None)):
        seen = stub.stops
        with failures.at(place) as trial, pytest.raises(ClientError):
            request(endpoints)
        assert trial.failed == 1, str(place)
        assert stops is None or stub.stops - seen == stops
        seen = stub.stops
        request(endpoints)
        assert stub.stops == seen
    assert settled(device) >= before - device.board.heap_noise
    assert stub.ended is None


def test_persistent_failure(device: Device, endpoints: Endpoints, stub: GdbStub) -> None:
    """From a place on, everything fails until it is released."""
    request(endpoints)
    places = AllocationPlaces(stub).of(lambda: request(endpoints))
    place = next(p for p in places if p.frames[0].function == "ssl_handshake_init")
    with AllocationFailures(stub).at(place, persistent=True) as trial:
        with pytest.raises(ClientError):
            endpoints.https.patient(2).get("/hello")
        failed = trial.failed
        with pytest.raises(ClientError):
            endpoints.http.patient(1).get("/hello")
        assert trial.failed > failed >= 1
    request(endpoints)


def test_trials(device: Device, endpoints: Endpoints, stub: GdbStub) -> None:
    """Each place of a plain request fails once: nothing is lost, and the next client is served."""

    def exchange() -> None:
        assert endpoints.http.patient(PATIENCE).get("/hello").status == 200

    exchange()
    places = AllocationPlaces(stub).of(exchange)
    outcomes: list[Outcome] = []
    for outcome in try_places(
        places[:6],
        AllocationFailures(stub),
        exchange,
        answers=lambda: endpoints.http.patient(PATIENCE).get("/hello").status == 200,
        free=lambda _: settled(device),
        panics=lambda: len(device.faults.panics),
    ):
        print(outcome)
        outcomes.append(outcome)
    assert sum(outcome.failed > 0 for outcome in outcomes) >= 3
    assert all(outcome.answers and not outcome.panics for outcome in outcomes)
    noise = device.board.heap_noise
    assert all(outcome.lost is not None and outcome.lost <= noise for outcome in outcomes)


def test_ballast(device: Device, endpoints: Endpoints, ballast: Ballast) -> None:
    """Memory is held and given back, many times, while the servers serve; in pieces if need be."""
    request(endpoints)
    before, noise = settled(device), device.board.heap_noise
    assert ballast.hold(30_000) == ballast.held == 30_000
    taken = before - settled(device)
    assert 30_000 <= taken <= 30_000 + 1500 + noise
    request(endpoints)
    assert ballast.hold(8_000) == 8_000
    assert abs(before - settled(device) - 8_000) <= 500 + noise
    ballast.release()
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            assert endpoints.http.get("/hello").status == 200

    client = threading.Thread(target=serve)
    client.start()
    try:
        for round_ in range(30):
            size = 1000 + 371 * round_
            assert ballast.hold(size) == size
            assert ballast.hold(0) == 0
    finally:
        stop.set()
        client.join()
    assert ballast.blocks == 0
    free = device.heap_at_rest(20).free
    everything = ballast.hold(1 << 30)
    assert free // 2 < everything < free + 40_000
    assert ballast.blocks > 1
    ballast.release()
    assert abs(settled(device) - before) <= noise
    request(endpoints)


def test_ballast_of_a_guest_that_restarts(
    device: Device, endpoints: Endpoints, ballast: Ballast
) -> None:
    """After a restart nothing is held, and holding works again."""
    assert ballast.hold(5_000) == 5_000
    device.reset()
    assert ballast.held == 0
    assert ballast.hold(6_000) == 6_000
    ballast.release()


def test_ballast_of_a_guest_that_hangs(device: Device, ballast: Ballast) -> None:
    """Without an allocation nothing can be held: one sentence. A reset frees the waiter."""
    with pytest.raises(ControlTimeout):
        device.exec("import bench; bench.panic('hang')", timeout=1)
    with pytest.raises(StubTimeout, match=r"^Within 1 s, the guest allocated nothing, so no "):
        ballast.hold(1000, 1)
    later = threading.Timer(0.3, device.reset, kwargs={"hard": True})
    later.start()
    with pytest.raises(GuestRestarted):
        ballast.hold(1000, 20)
    later.join()


def test_ballast_when_qemu_ends(device: Device, ballast: Ballast) -> None:
    """Whoever waits when QEMU ends gets one sentence."""
    device.pause()
    threading.Timer(0.3, device.stop).start()
    with pytest.raises(StubClosed, match=r"^QEMU ended while its gdb stub was in use"):
        ballast.hold(1000, 20)
