# SPDX-License-Identifier: MIT
"""`OutsideSource`: the memory of any firmware, read by `espbench.inspect`."""

from __future__ import annotations

from espbench.device.memory.heap_info import HeapInfo
from espbench.device.memory.source import TimeWaitMemory
from espbench.inspect.heap.figures import Capability, HeapFigures
from espbench.inspect.inspection import Inspection
from espbench.util.timeouts import Deadline

__all__ = ["OutsideSource"]

BLOCK_OVERHEAD = 4
"""Bytes of an allocated block beside its content (`tlsf_alloc_overhead`)."""


class OutsideSource:
    """Reads the guest's memory; see `Inspection` for the errors that every method raises."""

    rest = 1.5
    """A firmware may allocate at any time, so no two figures need be equal. lwIP frees its last
    timer 1.1 s after the last connection."""

    def __init__(self, inspection: Inspection) -> None:
        """Use the inspection of a guest."""
        self._inspection = inspection

    def heap(self, _deadline: Deadline) -> HeapInfo:
        """Return the figures of the heap that `malloc` uses (MALLOC_CAP_DEFAULT)."""
        figures = HeapFigures.of(self._inspection.heaps(), Capability.DEFAULT)
        return HeapInfo(
            size=figures.total_free_bytes + figures.total_allocated_bytes,
            free=figures.total_free_bytes,
            low_water=figures.minimum_free_bytes,
            largest=figures.largest_free_block,
            blocks=figures.allocated_blocks,
            ballast=self._inspection.allocations.held,
        )

    def open_connections(self) -> dict[str, int]:
        """Return the numbers of connections to the guest's listeners, by TCP state."""
        return self._inspection.accepted_connections()

    def time_wait(self) -> TimeWaitMemory:
        """Return what connections in TIME-WAIT hold."""
        held = self._inspection.time_wait()
        return TimeWaitMemory(held.bytes + held.blocks * BLOCK_OVERHEAD, held.blocks)

    def heap_reset(self) -> None:
        """Set each heap's low-water mark to the bytes that are free now."""
        self._inspection.reset_low_water()

    def ballast(self, size: int) -> int:
        """Hold `size` bytes in total, which the guest allocates for nobody; 0 frees them."""
        return self._inspection.allocations.hold(size)

    def fail_alloc(self, number: int, persistent: bool) -> None:
        """Make the `number`-th next allocation fail, by a stop at each; 0 disables that."""
        self._inspection.allocations.fail(number, persistent)

    def fail_alloc_seen(self) -> dict[str, int]:
        """Return the numbers of allocations and of failed ones since `fail_alloc`."""
        return self._inspection.allocations.seen
