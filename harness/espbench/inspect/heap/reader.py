# SPDX-License-Identifier: MIT
"""`heaps_of`: the reader for the heaps of a firmware, whichever allocator it has."""

from __future__ import annotations

from typing import Protocol

from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.heap.esp_idf import LIST, EspIdfHeaps
from espbench.inspect.heap.figures import Heap
from espbench.inspect.heap.net_heap import NetHeap
from espbench.inspect.memory import GuestMemory

__all__ = ["Heaps", "heaps_of"]


class Heaps(Protocol):
    """Reads the heaps of a guest."""

    def read(self) -> list[Heap]:
        """Return every heap.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """

    def low_water(self) -> list[tuple[int, int]]:
        """Return the address of each low-water mark, and the bytes that are free now."""


def heaps_of(elf: FirmwareElf, memory: GuestMemory) -> Heaps:
    """Return the reader for this firmware.

    Raises:
        NotInspectable: it has neither ESP-IDF's heap nor that of board lx60, or its ELF file does
            not describe it.
    """
    elf.check()
    if LIST in elf.symbols:
        return EspIdfHeaps(elf, memory)
    if "net_heap_init" in elf.symbols:
        return NetHeap(elf, memory)
    raise NotInspectable(
        f"{elf.path.name} has no heap that can be read from outside: neither ESP-IDF's ({LIST}) "
        "nor that of board lx60."
    )
