# SPDX-License-Identifier: MIT
"""`BenchSource`: the memory of a firmware that has the module `bench`, over the control channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espbench.device.console.control import ControlClient
from espbench.device.memory.heap_info import HeapInfo
from espbench.device.memory.source import TimeWaitMemory
from espbench.util.timeouts import Deadline

__all__ = ["BenchSource", "open_connections"]


class BenchSource:
    """Asks the firmware.

    Every method raises ControlError or ControlTimeout when the device refuses a request or does not
    answer it, and Panicked or QemuDied when it cannot answer any more.
    """

    rest = 0.0

    def __init__(self, control: ControlClient) -> None:
        """Use the guest's control channel."""
        self._control = control

    def heap(self, deadline: Deadline) -> HeapInfo:
        """Return the figures of the network heap and of MicroPython's."""
        return HeapInfo.of(self._control.request("heap", timeout=deadline))

    def open_connections(self) -> dict[str, int]:
        """Return the numbers of the servers' open connections, by kind, without zeros."""
        return open_connections(self._control.request("stats"))

    def time_wait(self) -> TimeWaitMemory:
        """Return nothing: the boards' lwIP keeps such connections for 1.5 s only."""
        return TimeWaitMemory()

    def heap_reset(self) -> None:
        """Reset the low-water mark to the bytes that are free now."""
        self._control.request("heap_reset")

    def ballast(self, size: int) -> int:
        """Hold `size` bytes of the network heap in total (0 frees all); return the bytes held."""
        return int(self._control.request("ballast", size))

    def fail_alloc(self, number: int, persistent: bool) -> None:
        """Make the `number`-th next allocation from the network heap fail; 0 disables that."""
        self._control.request("fail_alloc", number, "always" if persistent else "once")

    def fail_alloc_seen(self) -> dict[str, int]:
        """Return the numbers of allocations and of failed ones since `fail_alloc`."""
        value: dict[str, int] = self._control.request("fail_alloc_seen")
        return value


def open_connections(stats: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of open connections by kind, without kinds that have none."""
    kinds = {kind: int(value.get("open", 0)) for kind, value in stats.items() if _counts(value)}
    return {kind: count for kind, count in kinds.items() if count}


def _counts(value: Any) -> bool:
    return isinstance(value, Mapping) and "open" in value
