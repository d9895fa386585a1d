# SPDX-License-Identifier: MIT
"""A look from outside agrees with what the reference firmware says of itself."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import foreign
import pytest
from espbench.boards.builtin import LX60
from espbench.boards.readiness import ConsoleReadiness
from espbench.certs import recipes
from espbench.clients import ClientError, Endpoint, Tls
from espbench.device.device import Device
from espbench.errors import GuestBusy, InspectError, NotInspectable, Panicked
from espbench.firmware import build
from espbench.inspect.heap.figures import Capability, HeapFigures
from espbench.inspect.memory import ATTEMPTS, GuestMemory, Inconsistent
from espbench.inspect.sockets import Listener
from espbench.inspect.stub import StubError
from espbench.inspect.tasks.task import TaskState
from espbench.util.timeouts import Deadline


@pytest.fixture(scope="module")
def firmware() -> Path:
    """Return the firmware of the tree."""
    return build.firmware(LX60)


@pytest.fixture(scope="module")
def device(firmware: Path) -> Iterator[Device]:
    """Return a running device."""
    with Device(LX60, firmware) as device:
        yield device


def test_the_heap(device: Device) -> None:
    """Every figure is what the firmware says, also with a hole in the heap."""
    device.heap_at_rest()
    for held in (0, 50_000, 100_000, 0):
        device.ballast(held)
        told = device.heap_at_rest()
        (heap,) = device.heaps()
        figures = HeapFigures.of([heap], Capability.DEFAULT)
        seen = figures.total_free_bytes, figures.minimum_free_bytes, figures.largest_free_block
        assert seen == (told.free, told.low_water, told.largest)
        assert figures.allocated_blocks == told.blocks
        assert HeapFigures.of([heap], Capability.SPIRAM) == HeapFigures()


def test_the_threads(device: Device) -> None:
    """The least free stack of each thread is what the firmware says."""
    tasks = {task.name: task for task in device.tasks()}
    told = device.heap()
    assert tasks["main"].stack_low_water == told.main_stack_low_water
    assert tasks["network"].stack_low_water == told.net_stack_low_water
    states = {name: task.state for name, task in tasks.items()}
    assert states == {"main": TaskState.RUNNING, "network": TaskState.BLOCKED}
    assert [task.name for task in device.inspection.running_tasks()] == ["main"]


def test_sockets(device: Device) -> None:
    """Listeners and connections are those of lwIP."""
    assert Listener("tcp", 80) in device.listeners()
    assert Listener("tcp", 443) not in device.listeners()  # it has no certificate
    with Endpoint(device.port(80)).http() as connection:
        connection.request("GET", "/")
        assert device.inspection.accepted_connections() == {"ESTABLISHED": 1}
    device.settle()
    assert device.inspection.accepted_connections() == {}


def test_the_guest_runs_on(device: Device) -> None:
    """A look leaves the guest running, and one that something else has paused paused."""
    before = device.ping()
    device.heaps()
    assert device.ping() > before
    device.pause()
    try:
        device.heaps()
        assert device.monitor("query-status")["status"] == "paused"
    finally:
        device.resume()
    assert device.ping() > before


def test_memory_that_is_not_there(device: Device) -> None:
    """A bad address is refused, for a word and for a block."""
    memory = device.inspection.memory
    for size in (4, 100_000):
        with pytest.raises(InspectError, match=r"^The guest has no memory at 0x20000000 "):
            memory.read(0x20000000, size)


def test_any_piece(device: Device) -> None:
    """A piece may start and end anywhere, and be short or long."""
    memory: GuestMemory = device.inspection.memory
    start = device.inspection.elf.symbols["_main_stack"].address
    whole = memory.read(start, 4096)
    for offset, size in ((0, 4), (1, 1), (3, 6), (2, 300), (5, 4091)):
        assert memory.read(start + offset, size) == whole[offset : offset + size]


def test_a_guest_that_is_always_busy(device: Device) -> None:
    """Each attempt holds the guest; the last one's reason is in the message."""
    looks = []

    def read() -> None:
        looks.append(device.monitor("query-status")["running"])
        raise Inconsistent("a list of tasks is not closed")

    with pytest.raises(GuestBusy, match=r"data being read \(a list of tasks is not closed\)"):
        device.inspection.memory.consistent(read)
    assert looks == [False] * ATTEMPTS
    assert device.ping()


def test_both_ways_to_count(device: Device) -> None:
    """The allocations of a request are the same number from outside and by module `bench`."""

    def request() -> None:
        assert Endpoint(device.port(80)).get("/").status
        device.settle()

    request()
    told: list[int] = []
    counted: list[int] = []
    # The number of ACKs, each of which is allocated, depends on the time that the guest gets.
    while not set(told) & set(counted) and len(told) < 16:
        device.fail_alloc(1_000_000)
        request()
        told.append(device.fail_alloc_seen()["allocations"])
        device.fail_alloc(0)
        places = device.allocation_places(request)
        counted.append(sum(place.count for place in places))
    assert set(told) & set(counted), (told, counted)


def test_both_ways_to_hold_memory(device: Device) -> None:
    """Ballast taken from outside is missing in the figures of module `bench`."""
    before = device.heap_at_rest()
    held = device.inspection.allocations.hold(50_000)
    assert held == 50_000
    during = device.heap_at_rest()
    assert 50_000 <= before.free - during.free <= 50_100
    assert during.ballast == 0
    device.inspection.allocations.hold(0)
    after = device.heap_at_rest()
    assert (after.free, after.blocks) == (before.free, before.blocks)


def test_both_ways_to_reset(device: Device) -> None:
    """The low-water mark that is reset from outside is the one that module `bench` reports."""
    device.ballast(30_000)
    device.ballast(0)
    assert device.heap_at_rest().low_water < device.heap().free - 20_000
    device.inspection.reset_low_water()
    heap = device.heap()
    assert heap.free - heap.low_water < 1000


def test_room_for_two_one_and_no_session(firmware: Path) -> None:
    """With memory held back from outside, HTTPS takes two clients, one or none; HTTP answers."""
    recipe = recipes()["p256"]
    with Device(LX60, firmware, files=recipe.on_device(), forwards={80: 1, 443: 4}) as device:
        allocations = device.inspection.allocations
        tls = Tls(trust=recipe.trust, server_name=recipe.server_name)

        def sessions() -> int:
            """Return how many sessions are open at once."""
            with contextlib.ExitStack() as stack:
                for count in range(4):
                    try:
                        endpoint = Endpoint(device.port(443, count), tls, timeout=10)
                        stack.push(contextlib.closing(endpoint.tls_stream()))
                    except ClientError:
                        break
                else:
                    count = 4
                assert Endpoint(device.port(80)).get("/").status == 200
            device.settle()
            return count

        assert sessions() == 4
        peak = device.settle().free
        device.heap_reset()
        Endpoint(device.port(443), tls).tls_stream().close()
        peak -= device.heap().low_water
        found = []
        for room in (2.6, 1.6, 0.6):
            allocations.hold(0)
            free = device.settle().free
            allocations.hold(int(free - room * peak))
            found.append(sessions())
        assert found[0] >= found[1] >= 1
        assert found[2] == 0
        allocations.hold(0)
        assert sessions() == 4


def test_a_firmware_without_symbols(tmp_path: Path) -> None:
    """Another project's stripped firmware says in a sentence what is missing."""
    whole, stripped = foreign.build(tmp_path / "whole.elf"), tmp_path / "stripped.elf"
    subprocess.run([f"{LX60.toolchain}strip", "-o", str(stripped), str(whole)], check=True)
    stripped_of = (
        r"^stripped\.elf has been stripped of its symbols: name the ELF file that the build "
    )
    with Device(LX60, stripped, ready=ConsoleReadiness(foreign.READY)) as device:
        for look in (device.heap, device.tasks, device.heaps, device.listeners):
            with pytest.raises(NotInspectable, match=stripped_of):
                look()
    with (
        Device(LX60, whole, ready=ConsoleReadiness(foreign.READY)) as device,
        pytest.raises(NotInspectable, match=r"^whole\.elf has been stripped of its debugging inf"),
    ):
        device.heap()


def test_a_reset_while_another_thread_reads(firmware: Path) -> None:
    """A reader and the gdb stub's thread do not wait for each other."""
    done = threading.Event()
    with Device(LX60, firmware) as device, ThreadPoolExecutor(1) as pool:

        def read() -> None:
            while not done.is_set():
                device.heaps()

        reader = pool.submit(read)
        try:
            for _ in range(5):
                device.inspection.reset_low_water()
        finally:
            done.set()
        reader.result(20)
        (heap,) = device.heaps()
        assert heap.figures.minimum_free_bytes == heap.figures.total_free_bytes


def test_a_job_that_fails(device: Device) -> None:
    """A mistake in a caller's job reaches the caller, and the guest runs on."""

    def mistaken(_remote: object) -> None:
        raise KeyError("a mistake")

    with pytest.raises(StubError, match="a mistake"):
        device.inspection.allocations.stub.run(mistaken)
    # The stub's thread detaches meanwhile, for which it stops the guest.
    deadline = Deadline(5)
    while not device.monitor("query-status")["running"]:
        assert not deadline.expired()
    assert device.ping()


def test_after_a_handler_that_failed(device: Device) -> None:
    """A mistake in a breakpoint's handler ends that stub, not all later use of the device."""

    def mistaken(_stop: object) -> None:
        raise RuntimeError("a mistake")

    allocations = device.inspection.allocations
    entry = allocations.stub.code.functions["net_malloc"].address
    stub = allocations.stub
    stub.change(add=[(entry, mistaken)])
    with contextlib.suppress(ClientError):
        Endpoint(device.port(80)).get("/")
    with pytest.raises(StubError, match="a mistake"):
        stub.run(lambda _: None)
    assert Endpoint(device.port(80)).get("/").status
    assert allocations.hold(1000) == 1000
    assert allocations.hold(0) == 0


def test_a_device_that_records(firmware: Path) -> None:
    """A recording could not be replayed with what a breakpoint changes, so that is refused."""
    with Device(LX60, firmware, record=True) as device:
        assert device.heaps()
        with pytest.raises(NotInspectable, match=r"^QEMU records this device, .* without record="):
            device.allocation_places(lambda: None)


def test_after_a_panic_and_a_reset(firmware: Path) -> None:
    """A guest that has panicked, and one that has been reset, can be looked into."""
    device = Device(LX60, firmware)
    device.start()
    try:
        (before,) = device.heaps()
        device.reset()
        (after,) = device.heaps()
        assert abs(after.figures.total_free_bytes - before.figures.total_free_bytes) < 1024
        with pytest.raises(Panicked):
            device.exec("import bench; bench.panic('abort')")
        assert device.heaps()[0].end == before.end
        assert {task.name for task in device.tasks()} == {"main", "network"}
    finally:
        device.close()


def test_another_build(firmware: Path, tmp_path: Path) -> None:
    """An ELF file of another build beside the firmware is ignored, which has symbols itself."""
    image = tmp_path / "image.bin"
    image.write_bytes(firmware.read_bytes())
    foreign.build(tmp_path / "image.elf")
    why = r"^image\.elf beside image\.bin comes from a different build, so it is ignored: build"
    with pytest.warns(UserWarning, match=why):
        device = Device(LX60, image)
    with device:
        assert device.heaps()
        assert device.inspection.why_not() == ""
