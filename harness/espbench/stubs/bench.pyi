# SPDX-License-Identifier: MIT
"""What a bench build of the firmware adds for tests: looks at memory, and takes it away.

The same is on the board's control channel, which answers also while Python is busy.
"""

from typing import TypedDict, type_check_only

import httpserver

@type_check_only
class Heap(TypedDict):
    """Figures of both heaps, in bytes unless it says otherwise."""

    size: int
    """The network heap."""
    free: int
    """Free of it now."""
    low_water: int
    """The least that was ever free."""
    largest: int
    """Its largest free block."""
    blocks: int
    """How many allocations it holds (a number)."""
    ballast: int
    """Taken by `ballast`."""
    gc_size: int
    """Python's heap."""
    gc_free: int
    """Free of it now, without what a collection would find."""
    net_stack_low_water: int
    """The least that was ever left of the network's stack."""
    main_stack_low_water: int
    """The least that was ever left of MicroPython's stack."""

def heap() -> Heap:
    """Return figures of both heaps.

    Memory:
        About 0.3 kB of Python's heap.
    """

def ballast(n: int | None = None, /) -> int:
    """Hold memory of the network heap, so that others find less.

    Args:
        n: how many bytes in total, the largest possible blocks first; 0 gives all back; `None`
            only asks.

    Returns:
        Bytes that are really held.

    Raises:
        ValueError: `n` is negative.
    """

def fail_alloc(n: int, /, persistent: bool = False) -> None:
    """Let an allocation of the network heap fail.

    Args:
        n: which, counted from now; 1 is the very next. 0 switches it off.
        persistent: whether all behind it fail, too.

    Raises:
        ValueError: `n` is negative.
    """

def stats() -> httpserver.Stats:
    """Return the same as `httpserver.stats`."""

def panic(kind: str = "exception", /) -> None:
    """Do what a bug in C does: the board dumps its registers and stack, and resets.

    Args:
        kind: `"exception"` for a load from an address that has no memory, `"abort"`, `"stack"` for
            one that runs over its end, or `"hang"`: no interrupt and no thread gets a turn again,
            for a watchdog to notice, where the board has one.

    Raises:
        ValueError: `kind` is none of these.
    """
