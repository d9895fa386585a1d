# SPDX-License-Identifier: MIT
"""`NetHeap`: reads the network heap of board lx60 (firmware/ports/lx60/chip/heap.c)."""

from __future__ import annotations

import struct

from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.heap.figures import Capability, Heap, HeapFigures
from espbench.inspect.memory import GuestMemory, Inconsistent

__all__ = ["NetHeap"]

SOURCE = "net/net_heap.c"
HEADER = 8
_IN_USE, _FLAGS = 1, 7


class NetHeap:
    """The heap from which lwIP, TLS and the servers allocate on board lx60."""

    def __init__(self, elf: FirmwareElf, memory: GuestMemory) -> None:
        """Find the heap.

        Raises:
            NotInspectable: the firmware has none, or its ELF file does not describe it.
        """
        elf.check()
        address = elf.address("heap") if "net_heap_init" in elf.symbols else None
        if address is None:
            raise NotInspectable(f"{elf.path.name} has no network heap of board lx60.")
        self._memory = memory
        self._address = address
        self._heap = elf.structure(SOURCE, "heap_t")

    def read(self) -> list[Heap]:
        """Return the heap, in a list.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """
        return [self._memory.consistent(self._read)]

    def low_water(self) -> list[tuple[int, int]]:
        """Return the address of the low-water mark, and the bytes that are free now."""
        data = self._memory.read(self._address, self._heap.size)
        at = self._address + self._heap.offset("low_water")
        return [(at, self._heap.integer(data, "free"))]

    def _read(self) -> Heap:
        data = self._memory.read(self._address, self._heap.size)
        field = self._heap.integer
        start, end = field(data, "first"), field(data, "end")
        if not start:
            raise Inconsistent("the network heap does not exist yet")
        region = self._memory.read(start, end - start)
        allocated = free_blocks = free = largest = taken = at = 0
        while at < len(region):
            (tag,) = struct.unpack_from("<I", region, at)
            size = tag & ~_FLAGS
            if not size:
                raise Inconsistent("a block has no size")
            if tag & _IN_USE:
                allocated += 1
                taken += size
            else:
                free_blocks += 1
                free += size
                largest = max(largest, size)
            at += HEADER + size
        if at != len(region) or allocated != field(data, "blocks") or free != field(data, "free"):
            raise Inconsistent("the heap's totals do not match its blocks")
        figures = HeapFigures(
            total_free_bytes=free,
            total_allocated_bytes=taken,
            largest_free_block=largest,
            minimum_free_bytes=field(data, "low_water"),
            allocated_blocks=allocated,
            free_blocks=free_blocks,
            total_blocks=allocated + free_blocks,
        )
        return Heap(start, end, _CAPABILITIES, figures)


_CAPABILITIES = Capability.DEFAULT | Capability.INTERNAL | Capability.BIT8 | Capability.BIT32
