# SPDX-License-Identifier: MIT
"""`EspIdfHeaps`: reads the heaps that ESP-IDF has registered (components/heap)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.heap.figures import Heap, HeapFigures
from espbench.inspect.heap.tlsf import HEADER, content_of, fit_size, walk
from espbench.inspect.memory import GuestMemory, Inconsistent

__all__ = ["EspIdfHeaps"]

LIST = "registered_heaps"
WORD = 4
"""Bytes; `ALIGN_SIZE` of TLSF."""
OWNER = 4
"""Bytes before each block's content if it names its task (CONFIG_HEAP_TASK_TRACKING)."""
MOST = 64
"""Heaps after which the list is considered damaged; a chip has about ten regions."""


@dataclass(frozen=True, slots=True)
class _Pool:
    """The memory of one heap.

    Attributes:
        handle: address of the heap's `multi_heap_info`, where `region` begins.
        region: the memory up to the heap's end.
        control: its `control_t`.
        control_at, blocks_at: offsets in `region` of the control structure and the first block.
    """

    handle: int
    region: bytes
    control: bytes
    control_at: int
    blocks_at: int


class EspIdfHeaps:
    """The list `registered_heaps` of an ESP-IDF firmware."""

    def __init__(self, elf: FirmwareElf, memory: GuestMemory) -> None:
        """Find the list and the layout of its entries.

        Raises:
            NotInspectable: the firmware has no such list, or its ELF file does not describe it.
        """
        elf.check()
        address = elf.address(LIST)
        if address is None:
            raise NotInspectable(
                f"{elf.path.name} has no {LIST}, so it does not use ESP-IDF's heap."
            )
        self._memory = memory
        self._list = address
        self._entry = elf.structure("heap_caps_init.c", "heap_t_")
        self._heap = elf.structure("multi_heap.c", "multi_heap_info")
        self._control = elf.structure("tlsf.c", "control_t")
        self._poison = self._poison_head = 0
        self._owner: int | None = None
        if "multi_heap_get_info_impl" in elf.symbols and _is_poisoned(elf):
            head = elf.structure("multi_heap_poisoning.c", "poison_head_t")
            tail = elf.structure("multi_heap_poisoning.c", "poison_tail_t")
            self._poison = head.size + tail.size
            self._poison_head = head.size

    def read(self) -> list[Heap]:
        """Return every heap, in the order of the list.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """
        return self._memory.consistent(self._read)

    def low_water(self) -> list[tuple[int, int]]:
        """Return the address of each heap's low-water mark, and the bytes that are free now."""
        offset, free = self._heap.offset("minimum_free_bytes"), self._heap.member("free_bytes")
        handles = (self._entry.integer(data, "heap") for _, data in self._entries())
        return [
            (handle + offset, self._memory.word(handle + free.offset))
            for handle in handles
            if handle
        ]

    def _read(self) -> list[Heap]:
        entries = dict(self._entries())
        registered = [data for data in entries.values() if self._entry.integer(data, "heap")]
        if not registered:
            raise Inconsistent("no heap is registered yet")
        if self._owner is None:
            self._owner = self._owner_size(min(entries), registered)
        return [self._heap_of(data, self._owner) for data in registered]

    def _entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield the address and the bytes of each entry in the list."""
        address = self._memory.word(self._list)
        for _ in range(MOST):
            if not address:
                return
            data = self._memory.read(address, self._entry.size)
            yield address, data
            address = self._entry.integer(data, "next")
        raise Inconsistent(f"{LIST} has no end")

    def _heap_of(self, data: bytes, owner: int) -> Heap:
        """Return the heap that an entry of the list describes."""
        capabilities = 0
        for one in self._entry.integers(data, "caps"):
            capabilities |= one
        figures = self._figures(self._pool(data), owner)
        return Heap(
            self._entry.integer(data, "start"),
            self._entry.integer(data, "end"),
            capabilities,
            figures,
        )

    def _pool(self, data: bytes) -> _Pool:
        """Read the memory that an entry of the list describes."""
        handle = self._entry.integer(data, "heap")
        region = self._memory.read(handle, self._entry.integer(data, "end") - handle)
        control_at = self._heap.integer(region, "heap_data") - handle
        control = region[control_at : control_at + self._control.size]
        blocks_at = control_at + self._control.integer(control, "size")
        return _Pool(handle, region, control, control_at, blocks_at)

    def _owner_size(self, entry: int, registered: list[bytes]) -> int:
        """Return `OWNER` if blocks name their tasks, else 0.

        An ELF file may have no trace of that option, but ESP-IDF allocates the entries of its list
        in a heap, so they come after such a name (heap_caps_init.c).

        Args:
            entry: address of the entry that comes first in its block.
            registered: the heaps, one of which contains it.
        """
        for data in registered:
            start, end = self._entry.integer(data, "start"), self._entry.integer(data, "end")
            if start <= entry < end:
                pool = self._pool(data)
                inside = entry - pool.handle - pool.blocks_at
                content = content_of(pool.region[pool.blocks_at :], inside)
                return OWNER if inside == content + self._poison_head + OWNER else 0
        return 0

    def _figures(self, pool: _Pool, owner: int) -> HeapFigures:
        """Return the figures of one heap, as `heap_caps_get_info` adds them up."""
        blocks = walk(pool.region[pool.blocks_at :])
        free = self._heap.integer(pool.region, "free_bytes")
        size = self._heap.integer(pool.region, "pool_size")
        # The sum includes the bytes at the end that are too few for a word: the internal memory
        # that CONFIG_SPIRAM_MALLOC_RESERVE_INTERNAL reserves is registered without its last byte.
        unused = size % WORD
        # An allocation changes the blocks first, then this sum.
        if free != blocks.free_bytes + HEADER * (blocks.free + 1) + unused:
            raise Inconsistent("the heap's total does not match its blocks")
        control_size = pool.blocks_at - pool.control_at
        taken = size - control_size - free
        largest = fit_size(
            blocks.largest,
            lists=self._control.integer(pool.control, "sl_index_count"),
            small=self._control.integer(pool.control, "small_block_size"),
        )
        overhead = self._poison + owner
        lowest = self._heap.integer(pool.region, "minimum_free_bytes")
        return HeapFigures(
            total_free_bytes=max(0, free - overhead),
            total_allocated_bytes=taken - blocks.allocated * (HEADER + overhead),
            largest_free_block=max(0, largest - overhead),
            minimum_free_bytes=max(0, lowest - overhead),
            allocated_blocks=blocks.allocated,
            free_blocks=blocks.free,
            total_blocks=blocks.allocated + blocks.free,
        )


def _is_poisoned(elf: FirmwareElf) -> bool:
    """Return whether the firmware was built with CONFIG_HEAP_POISONING_LIGHT or _COMPREHENSIVE.

    Without poisoning, `multi_heap_get_info` is an alias of its implementation.
    """
    return elf.address("multi_heap_get_info") != elf.address("multi_heap_get_info_impl")
