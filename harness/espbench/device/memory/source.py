# SPDX-License-Identifier: MIT
"""`MemorySource`: where the figures of a device's heap come from, and what makes it scarce."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from espbench.device.memory.heap_info import HeapInfo
from espbench.util.timeouts import Deadline

__all__ = ["MemorySource", "TimeWaitMemory"]


@dataclass(frozen=True, slots=True)
class TimeWaitMemory:
    """The heap that connections in TIME-WAIT hold, which the guest frees by itself later.

    ESP-IDF's default keeps such a connection for two minutes (CONFIG_LWIP_TCP_MSL).

    Attributes:
        bytes: bytes, with the allocator's overhead.
        blocks: allocations.
    """

    bytes: int = 0
    blocks: int = 0


class MemorySource(Protocol):
    """The memory of a guest: from the module `bench` in its firmware, or from outside."""

    rest: float
    """Seconds without connections after which the least use of the heap counts as its rest; 0 where
    two equal figures in a row are enough."""

    def heap(self, deadline: Deadline) -> HeapInfo:
        """Return the figures of the heap."""

    def open_connections(self) -> dict[str, int]:
        """Return the numbers of connections that clients have open, by kind, without zeros."""

    def time_wait(self) -> TimeWaitMemory:
        """Return what connections in TIME-WAIT hold."""

    def heap_reset(self) -> None:
        """Reset the low-water mark to the bytes that are free now."""

    def ballast(self, size: int) -> int:
        """Hold `size` bytes in total (0 frees all); return the bytes held."""

    def fail_alloc(self, number: int, persistent: bool) -> None:
        """Make the `number`-th next allocation fail; 0 disables that."""

    def fail_alloc_seen(self) -> dict[str, int]:
        """Return the numbers of allocations and of failed ones since `fail_alloc`."""
