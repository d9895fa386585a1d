# SPDX-License-Identifier: MIT
"""Data types of a crash: `Dump`, as printed by the guest, and `Frame` of a backtrace."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

__all__ = ["Dump", "Frame"]


@dataclass(frozen=True)
class Dump:
    """A panic dump as printed by the guest.

    Attributes:
        headline: first line of the dump.
        cause: cause of the panic, such as "LoadProhibited", "assert" or "abort".
        registers: values by name, in upper case ("PC", "A0", "EXCVADDR", ...).
        backtrace: program counter and stack pointer of each frame, as printed.
        memory: stack memory by address, in byte strings of one word.
        text: the dump as printed, without the lines of a core dump.
        corrupted: whether the guest found the stack corrupted at the end of the backtrace.
        core: ESP-IDF's core dump in base64, if it was printed, too.
    """

    headline: str
    cause: str
    registers: dict[str, int] = field(default_factory=dict)
    backtrace: tuple[tuple[int, int], ...] = ()
    memory: dict[int, bytes] = field(default_factory=dict)
    text: str = ""
    corrupted: bool = False
    core: str = ""

    @property
    def exact(self) -> bool:
        """Whether the printed backtrace is exact.

        ESP-IDF on Xtensa walks the stack by its register windows and prints the address of each
        call, but no memory; other guests print the stack memory for the host to unwind.
        """
        return bool(self.backtrace) and not self.memory

    def word(self, address: int) -> int | None:
        """Return the little-endian 32-bit word at `address`, or None if it is not in the dump."""
        data = self.memory.get(address)
        return None if data is None else int(struct.unpack("<I", data)[0])


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a decoded backtrace; each inlined function has its own frame.

    Attributes:
        address: the program counter, or the return address.
        function: name of the function, or "??".
        file, line: position in the source; line 0 is unknown.
        inlined: whether the function was inlined into that of the next frame.
        guessed: whether the guest found the address on the stack, so that the frame may not have
            been active.
    """

    address: int
    function: str = "??"
    file: str = ""
    line: int = 0
    inlined: bool = False
    guessed: bool = False

    def __str__(self) -> str:
        """Return the frame as one line of a backtrace."""
        place = f" at {self.file}:{self.line}" if self.file else ""
        notes = "".join(
            f" ({note})"
            for note, holds in (("inlined", self.inlined), ("guessed", self.guessed))
            if holds
        )
        return f"0x{self.address:08x} {self.function}{place}{notes}"
