# SPDX-License-Identifier: MIT
"""`DeviceMemory` distinguishes leaks from noise, with a fake control channel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.builtin import LX60
from espbench.device.memory.bench_source import open_connections
from espbench.device.memory.device_memory import DeviceMemory
from espbench.device.timeline import Timeline
from espbench.errors import MemoryLeaked, NotRunning
from espbench.qemu.process import Qemu
from espbench.util.timeouts import Deadline


class Guest:
    """Answers from a list, repeating its last entry; its console never shows anything."""

    board = LX60
    elf = firmware = Path("none.bin")
    folder = Path()
    seen = True

    def __init__(self, *free_and_blocks: tuple[int, int], open_: int = 0) -> None:
        """Report these heaps, one after the other."""
        self._heaps: Iterator[tuple[int, int]] = iter(free_and_blocks)
        self._last = (0, 0)
        self._open = open_
        self.asked: list[tuple[str | int, ...]] = []

    def request(self, verb: str, *arguments: str | int, timeout: float | Deadline = 10.0) -> Any:
        """Answer a request."""
        assert not Deadline.of(timeout).expired()
        self.asked.append((verb, *arguments))
        if verb == "stats":
            return {"http": {"open": self._open}, "handshakes": 3}
        if verb == "ballast":
            return arguments[0]
        self._last = next(self._heaps, self._last)
        free, blocks = self._last
        return {"size": 1000, "free": free, "low_water": 0, "largest": 0, "blocks": blocks}

    @property
    def halting(self) -> contextlib.AbstractContextManager[None]:
        """Lock nothing: nobody stops this guest."""
        return contextlib.nullcontext()

    def monitor(self, command: str, timeout: float | Deadline = 5.0, /, **arguments: Any) -> Any:
        """Fail: without symbols in the firmware, nothing may read its memory."""
        raise AssertionError(command, timeout, arguments)

    @property
    def qemu(self) -> Qemu:
        """Fail: it does not run."""
        raise NotRunning("it does not run")

    def wait_for_change(self, seconds: float) -> None:
        """Print nothing."""


def memory(guest: Guest, noise: int = 0) -> DeviceMemory:
    """Return the memory of a guest."""
    return DeviceMemory(guest, Timeline(), guest, noise)


def test_settle_waits_for_two_equal_looks() -> None:
    """The heap is at rest once two samples in a row agree."""
    heap = memory(Guest((100, 9), (200, 8), (300, 7), (300, 7), (50, 1)))
    assert heap.settle().free == 300
    assert [(sample.why, sample.heap.free) for sample in heap.samples] == [("settled", 300)]


def test_no_leak_reports_missing_bytes() -> None:
    """Bytes that stay allocated are a leak, except within the tolerance."""
    heaps = (500, 5), (500, 5), (480, 6), (480, 6)
    with memory(Guest(*heaps)).no_leak(tolerance=20):
        pass
    with (
        pytest.raises(MemoryLeaked, match=r"480 bytes free \(at least 500 are expected\), 6 a"),
        memory(Guest(*heaps)).no_leak(timeout=0.01),
    ):
        pass


def test_noise_of_a_shared_heap_does_not_hide_an_allocation() -> None:
    """On a shared heap, free bytes may differ by the noise, but allocations may not."""
    with memory(Guest((500, 5), (500, 5), (480, 5), (480, 5)), noise=20).no_leak():
        pass
    with (
        pytest.raises(MemoryLeaked, match=r"6 allocations \(at most 5 are expected\)"),
        memory(Guest((500, 5), (500, 5), (480, 6)), noise=20).no_leak(timeout=0.01),
    ):
        pass


def test_open_connections_are_not_rest() -> None:
    """An open connection keeps the heap from coming to rest."""
    with pytest.raises(MemoryLeaked, match="2 open http connections, "):
        memory(Guest((500, 5), open_=2)).settle(0.01)
    assert open_connections({"http": {"open": 0}, "ws": {"open": 1}, "failed": 3}) == {"ws": 1}


def test_ballast_is_on_the_timeline() -> None:
    """Ballast is recorded in the evidence; the heap is sampled only if it is watched."""
    guest = Guest((1, 1))
    heap = memory(guest)
    assert heap.ballast(64) == 64
    assert guest.asked == [("ballast", 64)]
    assert heap.samples == []
