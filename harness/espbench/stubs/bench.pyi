# SPDX-License-Identifier: MIT
"""Support for tests in espbench's builds of the firmware: read, reduce and break memory.

The control channel offers the same functions, and responds even while Python is busy.
"""

from typing import TypedDict, type_check_only

import httpserver

@type_check_only
class Heap(TypedDict):
    """Figures of both heaps, in bytes unless stated otherwise."""

    size: int
    """Size of the network heap."""
    free: int
    """Free memory in the network heap."""
    low_water: int
    """The least that was ever free in the network heap."""
    largest: int
    """The largest free block of the network heap."""
    blocks: int
    """The number of allocated blocks in the network heap (a count)."""
    ballast: int
    """Allocated by `ballast`."""
    gc_size: int
    """Size of Python's heap."""
    gc_free: int
    """Free memory in Python's heap, without what a garbage collection would free."""
    net_stack_low_water: int
    """The least that was ever free of the network's stack."""
    main_stack_low_water: int
    """The least that was ever free of MicroPython's stack."""

def heap() -> Heap:
    """Return figures of both heaps.

    Memory:
        About 0.3 kB of Python's heap.
    """

def ballast(n: int | None = None, /) -> int:
    """Occupy memory of the network heap, so that less is left for everything else.

    Args:
        n: how many bytes to occupy in total, in the largest possible blocks; 0 frees all; `None`
            changes nothing.

    Returns:
        The number of bytes that are now occupied.

    Raises:
        ValueError: `n` is negative.
    """

def fail_alloc(n: int, /, persistent: bool = False) -> None:
    """Make an allocation in the network heap fail.

    Args:
        n: which one, counted from now; 1 is the next. 0 disables this.
        persistent: whether all later allocations fail too.

    Raises:
        ValueError: `n` is negative.
    """

def stats() -> httpserver.Stats:
    """Return the figures of `httpserver.stats`."""

def panic(kind: str = "exception", /) -> None:
    """Crash like a bug in C: the board dumps its registers and stack, and resets.

    Args:
        kind: `"exception"` loads from an invalid address, `"abort"` calls `abort()`, `"stack"`
            overflows the stack, and `"hang"` blocks all interrupts and threads for good, so that
            a watchdog triggers if the board has one.

    Raises:
        ValueError: `kind` has another value.
    """
