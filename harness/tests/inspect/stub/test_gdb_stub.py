# SPDX-License-Identifier: MIT
"""Breakpoints in the running firmware of whichever board is chosen, and calls of its functions."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from espbench import Device
from espbench.clients import Endpoints
from espbench.errors import ControlTimeout, EspbenchError
from espbench.inspect.memory import GuestMemory
from espbench.inspect.stub import (
    Action,
    Call,
    FirmwareCode,
    GdbStub,
    GuestRestarted,
    Return,
    Stop,
    StubBusy,
    StubClosed,
    StubError,
    StubTimeout,
)
from espbench.util.timeouts import Deadline

PIECES = {
    "heap_caps_malloc": "heap_caps_free",
    "net_heap_take": "net_heap_give",
}
"""Functions that allocate, with one argument or capabilities, and that free."""
INTERNAL = 1 << 11 | 1 << 2
"""MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT."""


@pytest.fixture
def code(device: Device) -> FirmwareCode:
    """Return the running firmware's code."""
    return FirmwareCode(device.elf)


@pytest.fixture
def stub(device: Device, code: FirmwareCode) -> Iterator[GdbStub]:
    """Return a stub that is attached while the test runs."""
    assert device.qemu.qmp is not None
    with GdbStub(device.qemu.qmp, code) as attached:
        yield attached


def request_with(endpoints: Endpoints) -> None:
    """Make one HTTP request, which has to succeed."""
    assert endpoints.http.get("/hello").status == 200


def test_handler_sees_each_call(
    device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode
) -> None:
    """A handler gets arguments and the chain of callers; the guest goes on as before."""
    sizes: list[int] = []
    chains: list[tuple[int, ...]] = []

    def handler(stop: Stop) -> None:
        sizes.append(stop.arguments(1)[0])
        chains.append(stop.chain(4))
        assert chains[-1][0] == stop.return_address

    code.prepare()
    with stub.breakpoints((code.functions["net_malloc"].address, handler)):
        for _ in range(3):
            request_with(endpoints)
    functions = Counter(frame.function for c in chains for a in c for frame in code.frames(a))
    assert all(1 <= len(chain) <= 4 for chain in chains)
    assert stub.ended is None
    assert stub.stops == len(sizes) > 3
    assert all(0 < size < 20_000 for size in sizes)
    assert functions["??"] < len(sizes) // 2
    seen = len(sizes)
    request_with(endpoints)
    assert len(sizes) == seen


def test_a_call_in_between(
    device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode
) -> None:
    """At a function's entry another function is called, several times, and nothing else changes."""
    take, give = next(
        (code.functions[t].address, code.functions[g].address)
        for t, g in PIECES.items()
        if t in code.functions
    )
    blocks: list[int] = []
    sizes: list[int] = []
    rounds = 20

    def held(result: int, stop: Stop) -> Action | None:
        blocks.append(result)
        return Call(give, (result,), given)

    def given(_: int, stop: Stop) -> Action | None:
        sizes.append(stop.arguments(1)[0])
        return None

    def handler(stop: Stop) -> Action | None:
        if len(blocks) >= rounds:
            return None
        return Call(take, (1000, INTERNAL), held)

    after: list[int] = []

    def later(stop: Stop) -> None:
        after.append(stop.arguments(1)[0])

    target = code.functions["net_malloc"].address
    with stub.breakpoints((target, handler), (target, later)):
        while len(blocks) < rounds:
            request_with(endpoints)
    assert stub.ended is None
    assert len(sizes) == len(blocks) == rounds
    assert all(blocks)
    # The original call's arguments are as before, and the next handler saw each call once.
    assert after[:rounds] == sizes
    request_with(endpoints)


def test_return_at_once(
    device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode
) -> None:
    """A function that returns at once does nothing: no memory, and the client sees an error."""
    failed: list[int] = []

    def handler(stop: Stop) -> Action | None:
        failed.append(stop.return_address)
        return Return(0)

    with (
        stub.breakpoints((code.functions["net_malloc"].address, handler)),
        pytest.raises(EspbenchError),
    ):
        endpoints.http.patient(2).get("/hello")
    assert failed
    request_with(endpoints)


def test_pause_while_attached(
    device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode
) -> None:
    """Somebody else may pause the device; breakpoints work afterwards."""
    seen: list[Stop] = []
    with stub.breakpoints((code.functions["net_malloc"].address, seen.append)):
        device.pause()
        assert len(stub.registers()) >= 1
        assert device.monitor("query-status")["status"] == "paused"
        device.resume()
        request_with(endpoints)
    assert seen


def pause_and_resume(device: Device) -> None:
    """Stop the guest as a user does."""
    device.pause()
    device.resume()


def hold(device: Device) -> None:
    """Stop the guest as a reader of its memory does."""
    with device.halting:
        device.monitor("stop")
        device.monitor("cont")


@pytest.mark.parametrize("stop", [pause_and_resume, hold])
def test_many_stops_while_attached(
    device: Device, stub: GdbStub, stop: Callable[[Device], None]
) -> None:
    """The stop replies that an old QEMU sends at each stop never fill the connection.

    QEMU 7.2 waits in its main loop until they fit, and answers nothing meanwhile.
    """
    for _ in range(1000):
        stop(device)
    assert stub.ended is None
    assert stub.registers()


def test_hang(device: Device, code: FirmwareCode) -> None:
    """A guest that hangs with its interrupts disabled can be attached to, and looked at."""
    with pytest.raises(ControlTimeout):
        device.exec("import bench; bench.panic('hang')", timeout=1)
    assert device.qemu.qmp is not None
    with GdbStub(device.qemu.qmp, code) as stub:
        hanging = code.function_at(stub.registers()[0]["pc"])
        assert hanging is not None
        assert hanging.name == "bench_hang"
        pending = stub.pending()
        with (
            stub.breakpoints((code.functions["net_malloc"].address, pending.deliver)),
            pytest.raises(StubTimeout, match=r"^Within 0\.2 s, nothing was allocated\.$"),
        ):
            pending.wait(Deadline(0.2, scale=1), "nothing was allocated.")


def test_restart(device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode) -> None:
    """A restart fails whoever waits; afterwards the breakpoints still work."""
    restarts: list[float] = []
    stub.on_restart.append(lambda: restarts.append(time.monotonic()))
    seen: list[int] = []

    def handler(stop: Stop) -> None:
        seen.append(stop.return_address)

    pending = stub.pending()
    with stub.breakpoints((code.functions["net_malloc"].address, handler)):
        device.reset()
        with pytest.raises(GuestRestarted, match=r"^The guest restarted meanwhile, so nothing"):
            pending.wait(Deadline(5), "nothing came.")
        assert restarts
        del seen[:]
        request_with(endpoints)
        assert seen


def test_end_of_qemu(device: Device, code: FirmwareCode) -> None:
    """When the device stops, whoever waits gets one sentence, and nothing hangs."""
    assert device.qemu.qmp is not None
    stub = GdbStub(device.qemu.qmp, code)
    stub.start()
    pending = stub.pending()
    threading.Timer(0.1, device.stop).start()
    with pytest.raises(StubClosed, match=r"^QEMU ended while its gdb stub was in use"):
        pending.wait(Deadline(10), "nothing came.")
    with pytest.raises(StubClosed):
        stub.registers()
    stub.close()


def test_one_debugger_at_a_time(device: Device, stub: GdbStub, code: FirmwareCode) -> None:
    """A second client is refused; after the first has left, the stub is free again."""
    assert device.qemu.qmp is not None
    with pytest.raises(StubBusy, match="A debugger is attached to this QEMU already"):
        GdbStub(device.qemu.qmp, code).start()
    stub.close()
    assert device.monitor("query-status")["running"]
    with GdbStub(device.qemu.qmp, code) as second:
        assert second.registers()
    assert device.monitor("query-status")["running"]
    with pytest.raises(StubClosed, match="not attached: attach it first"):
        second.registers()


def test_failing_handler(
    device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode
) -> None:
    """A handler that raises ends the stub with its error; the guest runs on without breakpoints."""

    def handler(stop: Stop) -> None:
        raise KeyError("x")

    point = (code.functions["net_malloc"].address, handler)
    with (
        pytest.raises(StubError, match=r"^A handler of a breakpoint failed: KeyError\('x'\)\.$"),
        stub.breakpoints(point),
    ):
        request_with(endpoints)
    request_with(endpoints)


def test_memory_is_read_meanwhile(
    device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode
) -> None:
    """Others stop the guest to read its memory while it reaches breakpoints: neither disturbs."""
    memory, address = GuestMemory(device), code.functions["net_malloc"].address
    expected = code.at(address, 16)
    done = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not done.is_set():
            with memory.held():
                assert memory.read(address, 16) == expected
                assert not device.monitor("query-status")["running"]

    def handler(stop: Stop) -> None:
        seen.append(stop.return_address)
        assert stop.read(address, 16) == expected

    with ThreadPoolExecutor(1) as pool, stub.breakpoints((address, handler)):
        reader = pool.submit(read)
        try:
            for _ in range(15):
                request_with(endpoints)
        finally:
            done.set()
        reader.result(20)
    assert len(seen) > 30
    assert stub.ended is None


def test_attached_while_memory_is_read(device: Device, code: FirmwareCode) -> None:
    """Whoever reads the guest's memory meanwhile, the guest runs after attaching and detaching."""
    assert device.qemu.qmp is not None
    memory, address = GuestMemory(device), code.functions["net_malloc"].address
    done = threading.Event()

    def read() -> None:
        while not done.wait(0.001):
            with memory.held():
                memory.read(address, 16)

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            for _ in range(20):
                with GdbStub(device.qemu.qmp, code) as stub:
                    assert stub.registers()
        finally:
            done.set()
        reader.result(20)
    assert device.monitor("query-status")["running"]


def test_paused_at_breakpoints(
    device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode
) -> None:
    """A device that reaches breakpoints all the time stays paused until it is resumed."""
    seen: list[int] = []
    done = threading.Event()

    def request() -> int:
        served = 0
        while not done.is_set():
            request_with(endpoints)
            served += 1
        return served

    def handler(stop: Stop) -> None:
        seen.append(stop.return_address)

    points = [(code.functions[name].address, handler) for name in ("net_malloc", "net_free")]
    with ThreadPoolExecutor(1) as pool, stub.breakpoints(*points):
        client = pool.submit(request)
        try:
            for _ in range(20):
                device.pause()
                before = len(seen)
                time.sleep(0.02)  # no event to wait for: the test checks that nothing happens
                assert not device.monitor("query-status")["running"]
                assert len(seen) == before
                device.resume()
                deadline = Deadline(20)
                while len(seen) == before and not deadline.expired():
                    device.wait_for_change(0.005)
                assert len(seen) > before
        finally:
            done.set()
        assert client.result(60) > 0
    assert stub.ended is None


def test_panic(device: Device, endpoints: Endpoints, stub: GdbStub, code: FirmwareCode) -> None:
    """A panic restarts the guest: whoever waits gets a sentence, and the breakpoints still work."""
    seen: list[int] = []

    def handler(stop: Stop) -> None:
        seen.append(stop.return_address)

    pending = stub.pending()
    with stub.breakpoints((code.functions["net_malloc"].address, handler)):
        with device.expects_panic(60) as panics:
            device.exec("import bench; bench.panic('exception')", timeout=60)
        assert panics[0].cause == device.board.bad_load
        with pytest.raises(GuestRestarted):
            pending.wait(Deadline(5), "nothing came.")
        del seen[:]
        request_with(endpoints)
        assert seen
