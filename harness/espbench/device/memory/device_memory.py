# SPDX-License-Identifier: MIT
"""`DeviceMemory`: measures, fills and starves the heap of a running device, and finds leaks."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from espbench.device.console.control import ControlClient
from espbench.device.memory.heap_info import HeapInfo, HeapSample
from espbench.device.memory.heap_sampler import HeapWatch
from espbench.device.memory.time_wait import MonitoredGuest, TimeWait
from espbench.device.timeline import Timeline
from espbench.errors import MemoryLeaked
from espbench.util.timeouts import Deadline

__all__ = ["DeviceMemory", "open_connections"]

LOOK_PATIENCE = 1.0
"""Timeout in seconds (scaled) for a heap sample that no test requested."""
POLL = 0.01
"""Seconds between two polls of figures for which the guest sends no event."""
DELAYED_ACK = 0.5
"""Seconds: the longest that TCP may delay an ACK (RFC 9293 section 3.8.6.3)."""
FORGOTTEN = 3.0
"""Seconds, scaled: twice as long as the boards' lwIP keeps a connection in TIME-WAIT."""


class DeviceMemory:
    """The memory of one run of a device, over its control channel.

    Every method raises ControlError or ControlTimeout when the device refuses a request or does not
    answer it, and Panicked or QemuDied when it cannot answer any more.
    """

    def __init__(
        self, control: ControlClient, timeline: Timeline, guest: MonitoredGuest, noise: int
    ) -> None:
        """Start without samples.

        Args:
            control: the guest's control channel.
            timeline: the run's clock.
            guest: the guest whose TIME-WAIT connections are read.
            noise: the board's `heap_noise`, in bytes.
        """
        self._control = control
        self._timeline = timeline
        self._guest = guest
        self._noise = noise
        self.samples: list[HeapSample] = []
        """All heap samples, for the evidence."""
        self.watch: HeapWatch | None = None
        """Samples the heap after network activity, if enabled."""

    def heap(self, timeout: float | Deadline = 10.0) -> HeapInfo:
        """Return the figures of the device's memory; each sample is kept for the evidence."""
        return self.sample("asked", Deadline.of(timeout))

    def sample(self, why: str, deadline: Deadline) -> HeapInfo:
        """Sample the heap, and note why."""
        heap = HeapInfo.of(self._control.request("heap", timeout=deadline))
        self.samples.append(HeapSample(self._timeline.now(), why, heap))
        return heap

    def start_watch(self, capture: Path) -> None:
        """Sample the heap whenever the network capture grows, until `watch` is stopped."""
        self.watch = HeapWatch(capture, self._timeline, self._look)
        self.watch.start()

    def _look(self) -> None:
        if self._control.seen:
            self.sample("network", Deadline(LOOK_PATIENCE))

    def heap_reset(self) -> None:
        """Reset the low-water mark to the bytes that are free now."""
        self._control.request("heap_reset")

    def stats(self, timeout: float | Deadline = 10.0) -> dict[str, Any]:
        """Return the counters of servers, handshakes and failures."""
        value: dict[str, Any] = self._control.request("stats", timeout=timeout)
        return value

    def ballast(self, size: int) -> int:
        """Hold `size` bytes of the network heap in total (0 frees all); return the bytes held."""
        held = int(self._control.request("ballast", size))
        self._timeline.add("ballast", size=held)
        if self.watch is not None:
            self.sample("ballast", Deadline(LOOK_PATIENCE))
        return held

    def fail_alloc(self, number: int, persistent: bool = False) -> None:
        """Make the `number`-th next allocation from the network heap fail; 0 disables that."""
        self._control.request("fail_alloc", number, "always" if persistent else "once")
        self._timeline.add("fail_alloc", number=number, persistent=persistent)

    def fail_alloc_seen(self) -> dict[str, int]:
        """Return the numbers of allocations and of failed ones since `fail_alloc`."""
        value: dict[str, int] = self._control.request("fail_alloc_seen")
        return value

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
            free: also wait until at least this many bytes are free.
            blocks: also wait until at most this many allocations are left.

        Raises:
            MemoryLeaked: it did not come to rest in time; the message says what is left.
        """
        deadline = Deadline.of(timeout)
        previous: HeapInfo | None = None
        while True:
            # Not limited to the rest of the deadline: an answer just after it still counts.
            connections = open_connections(self.stats())
            heap = HeapInfo.of(self._control.request("heap"))
            at_rest = previous is not None and heap.free == previous.free
            back = free is None or heap.free >= free
            if blocks is not None:
                back = back and heap.blocks <= blocks
            if not connections and at_rest and back:
                break
            if deadline.expired():
                wanted = "" if free is None else f" ({free} were free before)"
                raise MemoryLeaked(
                    f"The device did not come to rest within {deadline}: open connections "
                    f"{connections or 'none'}, {heap.free} bytes free{wanted} in {heap.blocks} "
                    f"allocations."
                )
            previous = heap
            self._guest.wait_for_change(min(POLL, deadline.remaining()))
        self.samples.append(HeapSample(self._timeline.now(), "settled", heap))
        return heap

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
                    f"The device's heap was never unchanged for {DELAYED_ACK:g} s within "
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
        before = self.settle(settled)
        yield before
        self.settle(
            timeout,
            free=before.free - tolerance - self._noise,
            blocks=before.blocks if self._noise and not tolerance else None,
        )


def open_connections(stats: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of open connections by kind, without kinds that have none."""
    kinds = {kind: int(value.get("open", 0)) for kind, value in stats.items() if _counts(value)}
    return {kind: count for kind, count in kinds.items() if count}


def _counts(value: Any) -> bool:
    return isinstance(value, Mapping) and "open" in value
