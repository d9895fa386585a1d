# SPDX-License-Identifier: MIT
"""`HeapInfo`, the figures of a device's heaps, and `HeapSample`, which adds when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["HeapInfo", "HeapSample"]


@dataclass(frozen=True, slots=True)
class HeapInfo:
    """Figures of the device's heaps, in bytes unless stated otherwise.

    For firmware that is read from outside, these are the figures of the heap that `malloc` uses
    (MALLOC_CAP_DEFAULT), and the last four are 0: see `Device.tasks` for stacks.

    Attributes:
        size: size of the network heap, which lwIP, TLS and the servers use.
        free: free bytes in it.
        low_water: the lowest `free` since boot or since `heap_reset`.
        largest: the largest free block.
        blocks: number of allocations in use.
        ballast: bytes held on purpose; see `DeviceMemory.ballast`.
        gc_size, gc_free: MicroPython's heap.
        net_stack_low_water: the fewest bytes ever free on the network task's stack.
        main_stack_low_water: the fewest bytes ever free on MicroPython's stack.
    """

    size: int
    free: int
    low_water: int
    largest: int
    blocks: int = 0
    ballast: int = 0
    gc_size: int = 0
    gc_free: int = 0
    net_stack_low_water: int = 0
    main_stack_low_water: int = 0

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> HeapInfo:
        """Create it from the control answer, ignoring unknown figures."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: int(number) for name, number in value.items() if name in known})

    def as_json(self) -> dict[str, int]:
        """Return the figures as a dictionary."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class HeapSample:
    """The heap at one moment, for the evidence.

    Attributes:
        at: seconds on the device's timeline.
        why: the reason for the sample, such as "network" or "settled".
        heap: the figures.
    """

    at: float
    why: str
    heap: HeapInfo
