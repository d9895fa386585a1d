# SPDX-License-Identifier: MIT
"""`Heap` and `HeapFigures`: what ESP-IDF's `multi_heap_info_t` says, for one heap or several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import IntFlag

__all__ = ["Capability", "Heap", "HeapFigures"]


class Capability(IntFlag):
    """Capabilities of memory (components/heap/include/esp_heap_caps.h, `MALLOC_CAP_*`)."""

    EXEC = 1 << 0
    BIT32 = 1 << 1
    BIT8 = 1 << 2
    DMA = 1 << 3
    SPIRAM = 1 << 10
    INTERNAL = 1 << 11
    DEFAULT = 1 << 12
    IRAM_8BIT = 1 << 13
    RETENTION = 1 << 14
    RTCRAM = 1 << 15
    TCM = 1 << 16


@dataclass(frozen=True, slots=True)
class HeapFigures:
    """The figures of `heap_caps_get_info`, with its names.

    Attributes:
        total_free_bytes: bytes in free blocks.
        total_allocated_bytes: bytes in allocated blocks.
        largest_free_block: the largest size that can be allocated now.
        minimum_free_bytes: the fewest bytes ever free; of several heaps, the sum of each heap's
            own minimum, so the real one was never lower.
        allocated_blocks, free_blocks, total_blocks: numbers of blocks.
    """

    total_free_bytes: int = 0
    total_allocated_bytes: int = 0
    largest_free_block: int = 0
    minimum_free_bytes: int = 0
    allocated_blocks: int = 0
    free_blocks: int = 0
    total_blocks: int = 0

    @classmethod
    def of(cls, heaps: Iterable[Heap], capabilities: int = Capability.DEFAULT) -> HeapFigures:
        """Return the figures of all heaps that have these capabilities.

        Like `heap_caps_get_info`: sums, and the largest of the largest blocks.
        """
        chosen = [heap.figures for heap in heaps if heap.has(capabilities)]
        summed = {
            field.name: sum(getattr(figures, field.name) for figures in chosen)
            for field in fields(cls)
        }
        summed["largest_free_block"] = max((f.largest_free_block for f in chosen), default=0)
        return cls(**summed)


@dataclass(frozen=True, slots=True)
class Heap:
    """One heap: a region of memory with its own free list.

    Attributes:
        start, end: its addresses.
        capabilities: the capabilities of this memory, see `Capability`.
        figures: its figures.
    """

    start: int
    end: int
    capabilities: int
    figures: HeapFigures

    def has(self, capabilities: int) -> bool:
        """Return whether its memory has all these capabilities."""
        return self.capabilities & capabilities == capabilities
