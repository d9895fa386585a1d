# SPDX-License-Identifier: MIT
"""Figures of a device's heaps at one moment: `HeapInfo`, and `HeapSample` with when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["HeapInfo", "HeapSample"]


@dataclass(frozen=True, slots=True)
class HeapInfo:
    """Figures of the device's heaps, in bytes unless said otherwise.

    Attributes:
        size: the network heap: lwIP, TLS and the servers.
        free: what is free of it now.
        low_water: the least that was ever free since boot or since `heap_reset`.
        largest: the largest free block.
        blocks: how many allocations are in use.
        ballast: what is taken on purpose.
        gc_size, gc_free: MicroPython's heap.
        net_stack_low_water: the least that was ever free of the network task's stack.
        main_stack_low_water: the least that was ever free of MicroPython's stack.
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
        """Make it from the control answer; figures that are new to us are left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: int(number) for name, number in value.items() if name in known})

    def as_json(self) -> dict[str, int]:
        """Return it as a dictionary."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class HeapSample:
    """The heap at one moment, for the evidence.

    Attributes:
        at: seconds on the device's timeline.
        why: what asked for it, such as "network" or "settled".
        heap: the figures.
    """

    at: float
    why: str
    heap: HeapInfo
