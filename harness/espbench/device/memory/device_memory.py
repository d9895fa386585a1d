# SPDX-License-Identifier: MIT
"""`DeviceMemory`: measures, fills and starves the heap of a running device, and finds leaks.

A firmware with the module `bench` is asked; any other is looked into from outside.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from espbench.device.console.control import ControlClient
from espbench.device.memory.bench_source import BenchSource, open_connections
from espbench.device.memory.heap_info import HeapInfo, HeapSample
from espbench.device.memory.heap_sampler import HeapWatch
from espbench.device.memory.outside_source import OutsideSource
from espbench.device.memory.source import MemorySource, TimeWaitMemory
from espbench.device.memory.time_wait import TimeWait
from espbench.device.timeline import Timeline
from espbench.errors import ConfigError, ControlTimeout, MemoryLeaked, NotInspectable
from espbench.inspect.allocations import Place, Trial
from espbench.inspect.inspection import InspectedGuest, Inspection
from espbench.util.listing import counted, listing
from espbench.util.timeouts import Deadline

__all__ = ["DeviceMemory", "open_connections"]

LOOK_PATIENCE = 1.0
"""Timeout in seconds (scaled) for a heap sample that no test requested."""
ANSWER = 10.0
"""Timeout in seconds (scaled) for an answer that a test needs."""
SILENCE = 2.0
"""Seconds (scaled) to wait for an answer from a firmware that has never sent anything."""
PAUSE = 40.0
"""A sample keeps the guest from its work, so this many times as long passes until the next one."""
POLL = 0.01
"""Seconds between two polls of figures for which the guest sends no event."""
DELAYED_ACK = 0.5
"""Seconds: the longest that TCP may delay an ACK (RFC 9293 section 3.8.6.3)."""
FORGOTTEN = 3.0
"""Seconds, scaled: twice as long as the boards' lwIP keeps a connection in TIME-WAIT."""


def _in_words(connections: Mapping[str, int]) -> str:
    """Return connections for a sentence, by their kind ("http") or their TCP state."""
    return (
        listing(
            f"{counted(count, 'connection')} in {kind}"
            if kind.isupper()
            else f"{counted(count, f'open {kind} connection')}"
            for kind, count in connections.items()
        )
        or "no open connections"
    )


class DeviceMemory:
    """The memory of one run of a device.

    Every method raises what its source raises: see `BenchSource` for a firmware with the module
    `bench`, and `Inspection` for any other.
    """

    def __init__(
        self, control: ControlClient, timeline: Timeline, guest: InspectedGuest, noise: int
    ) -> None:
        """Start without samples.

        Args:
            control: the guest's control channel.
            timeline: the run's clock.
            guest: the guest, for a look from outside.
            noise: the board's `heap_noise`, in bytes.
        """
        self._control = control
        self._timeline = timeline
        self._guest = guest
        self._noise = noise
        self.inspection = Inspection(guest)
        """The look from outside."""
        self._bench = BenchSource(control)
        self._answered = False
        self._outside = OutsideSource(self.inspection)
        self.samples: list[HeapSample] = []
        """All heap samples, for the evidence."""
        self.watch: HeapWatch | None = None
        """Samples the heap after network activity, if enabled."""

    def heap(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Return the figures of the device's memory; each sample is kept for the evidence."""
        return self.sample("asked", Deadline.of(timeout))

    def sample(self, why: str, deadline: Deadline) -> HeapInfo:
        """Sample the heap, and note why."""
        heap = self._heap(deadline)
        self.samples.append(HeapSample(self._timeline.now(), why, heap))
        return heap

    def _heap(self, deadline: Deadline) -> HeapInfo:
        return self._source.heap(deadline)

    @property
    def _source(self) -> MemorySource:
        """The module `bench` if the firmware has it, and otherwise the look from outside.

        Raises:
            NotInspectable: the firmware has neither the module nor an ELF file that matches.
        """
        if self.from_outside:
            return self._outside
        if not self._control.seen and not self._answered:
            # A firmware without symbols: if it has module `bench`, it answers within milliseconds.
            try:
                self._control.request("ping", timeout=SILENCE)
            except ControlTimeout:
                if why := self.inspection.why_not():
                    raise NotInspectable(why) from None
                raise
            self._answered = True
        return self._bench

    @property
    def readable(self) -> bool:
        """Whether the heap can be read without waiting for a firmware that may never answer."""
        return self._control.seen or self.from_outside

    @property
    def from_outside(self) -> bool:
        """Whether the firmware lacks module `bench`, and can be looked into."""
        if self._control.seen:
            return False
        try:
            return not self.inspection.has_bench
        except (NotInspectable, OSError):
            return False

    def start_watch(self, capture: Path) -> None:
        """Sample the heap whenever the network capture grows, until `watch` is stopped."""
        self.watch = HeapWatch(capture, self._timeline, self._look, pause_per_sample=PAUSE)
        self.watch.start()

    def _look(self) -> None:
        if self.readable:
            self.sample("network", Deadline(LOOK_PATIENCE))

    def heap_reset(self) -> None:
        """Reset the low-water mark to the bytes that are free now."""
        self._source.heap_reset()

    def stats(self, timeout: float | Deadline = 10.0) -> dict[str, Any]:
        """Return the counters of servers, handshakes and failures."""
        value: dict[str, Any] = self._control.request("stats", timeout=timeout)
        return value

    def ballast(self, size: int) -> int:
        """Hold `size` bytes of the network heap in total (0 frees all); return the bytes held."""
        if size < 0:
            raise ConfigError(f"{size} bytes cannot be held back: pass 0 or more.")
        held = self._source.ballast(size)
        self._timeline.add("ballast", size=held)
        if self.watch is not None:
            self.sample("ballast", Deadline(LOOK_PATIENCE))
        return held

    def fail_alloc(self, number: int, persistent: bool = False) -> None:
        """Make the `number`-th next allocation from the network heap fail; 0 disables that."""
        self._source.fail_alloc(number, persistent)
        self._timeline.add("fail_alloc", number=number, persistent=persistent)

    def allocation_places(self, exchange: Callable[[], Any]) -> list[Place]:
        """Return the distinct places of the firmware that allocate during an exchange.

        Args:
            exchange: talks to the device, such as one request; warm the device up before, so that
                what is allocated once and for all is not among them.

        Raises:
            NotInspectable: the firmware has no known allocator, or no ELF file.
        """
        return self.inspection.allocations.places(exchange)

    def fail_alloc_at(
        self, place: Place, persistent: bool = False
    ) -> contextlib.AbstractContextManager[Trial]:
        """Make the next allocation of a place fail within a `with` block.

        Args:
            place: from `allocation_places`.
            persistent: whether, from then on, every allocation fails until the end of the block.
        """
        self._timeline.add("fail_alloc", place=place.name, persistent=persistent)
        return self.inspection.allocations.failing(place, persistent)

    def fail_alloc_seen(self) -> dict[str, int]:
        """Return the numbers of allocations and of failed ones since `fail_alloc`."""
        return self._source.fail_alloc_seen()

    def settle(
        self,
        timeout: float | Deadline = 10.0,
        *,
        free: int | None = None,
        blocks: int | None = None,
    ) -> HeapInfo:
        """Wait until no connection is open and the heap is at rest; return the heap.

        Args:
            timeout: seconds, scaled; or a deadline.
            free: also wait until at least this many bytes are free; what connections in TIME-WAIT
                hold counts as free.
            blocks: also wait until at most this many allocations are left, without theirs.

        Raises:
            MemoryLeaked: it did not come to rest in time; the message says what is left.
        """
        deadline = Deadline.of(timeout)
        rest = self._source.rest
        previous: HeapInfo | None = None
        least, since = None, time.monotonic()
        while True:
            # Not limited to the rest of the deadline: an answer just after it still counts.
            connections = self._source.open_connections()
            heap, later = self._heap(Deadline(ANSWER)), TimeWaitMemory()
            if free is not None or blocks is not None:
                later = self._source.time_wait()
            at_rest = previous is not None and heap.free == previous.free
            back = free is None or heap.free + later.bytes >= free
            if blocks is not None:
                back = back and heap.blocks - later.blocks <= blocks
            if connections:
                least, since = None, time.monotonic()
            elif least is None or heap.free > least.free:
                least = heap
            if rest:
                at_rest = free is not None or time.monotonic() - since >= rest
            if not connections and at_rest and back:
                heap = heap if least is None or free is not None else least
                break
            if deadline.expired():
                wanted = "" if free is None else f" (at least {free} are expected)"
                most = "" if blocks is None else f" (at most {blocks} are expected)"
                raise MemoryLeaked(
                    f"The device did not come to rest within {deadline}: "
                    f"{_in_words(connections)}, {heap.free} bytes free{wanted}, {heap.blocks} "
                    f"allocations{most}."
                )
            previous = heap
            self._guest.wait_for_change(min(POLL, deadline.remaining()))
        self.samples.append(HeapSample(self._timeline.now(), "settled", heap))
        return heap

    def free_later(self, timeout: float | Deadline = 10.0) -> int:
        """Return the free bytes at rest, and those that connections in TIME-WAIT will free.

        Args:
            timeout: seconds, scaled; or a deadline.

        Raises:
            MemoryLeaked: see `settle`.
        """
        return self.at_rest(timeout).free

    def at_rest(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Return the heap at rest as it will be when connections in TIME-WAIT have ended.

        Args:
            timeout: seconds, scaled; or a deadline.

        Raises:
            MemoryLeaked: see `settle`.
        """
        heap, later = self.settle(timeout), self._source.time_wait()
        return replace(heap, free=heap.free + later.bytes, blocks=heap.blocks - later.blocks)

    @functools.cached_property
    def _time_wait(self) -> TimeWait:
        return TimeWait(self._guest)

    def heap_at_rest(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Wait until the heap stops changing, even if connections are open; return it.

        Only then does the heap show what a connection holds: a response is kept until the client's
        ACK, which may be delayed (RFC 9293 section 3.8.6.3), and lwIP keeps closed connections in
        TIME-WAIT for a while, which this waits for unless it takes longer than `FORGOTTEN`.

        Args:
            timeout: seconds, scaled; or a deadline.

        Raises:
            MemoryLeaked: it did not come to rest in time.
        """
        deadline = Deadline.of(timeout)
        forgotten = min(Deadline(FORGOTTEN).remaining(), deadline.remaining())
        self._time_wait.wait(Deadline(forgotten, scale=1))
        heap, since = self.heap(), time.monotonic()
        while (left := since + DELAYED_ACK - time.monotonic()) > 0:
            if deadline.expired():
                raise MemoryLeaked(
                    f"The device's heap was never stable for {DELAYED_ACK:g} s within "
                    f"{deadline}: {heap.free} bytes are free. Is a connection busy?"
                )
            self._guest.wait_for_change(min(left, 0.1))
            now = self.heap()
            if now.free != heap.free:
                heap, since = now, time.monotonic()
        return heap

    @contextlib.contextmanager
    def no_leak(
        self, tolerance: int = 0, timeout: float = 10.0, settled: float = 10.0
    ) -> Generator[HeapInfo]:
        """Check that the block frees all memory of the network heap that it takes.

        Args:
            tolerance: bytes that may stay allocated, in addition to the board's `heap_noise`. On a
                board with such noise and a tolerance of 0, no allocation may be left either.
            timeout: seconds (scaled) after the block in which all must be freed.
            settled: seconds (scaled) before the block to come to rest.

        Raises:
            MemoryLeaked: memory stayed allocated.
        """
        before = self.at_rest(settled)
        yield before
        self.settle(
            timeout,
            free=before.free - tolerance - self._noise,
            blocks=before.blocks if self._noise and not tolerance else None,
        )
