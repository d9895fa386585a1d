# SPDX-License-Identifier: MIT
"""What a crash is made of: the `Dump` that the guest printed, and the `Frame` of a backtrace."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

__all__ = ["Dump", "Frame"]


@dataclass(frozen=True)
class Dump:
    """What the guest printed.

    Attributes:
        headline: its first line.
        cause: such as "LoadProhibited", or "assert" or "abort".
        registers: by name, in upper case ("PC", "A0", "EXCVADDR", ...).
        backtrace: program counter and stack pointer of each frame, as the guest guessed them.
        memory: stack memory by address; each value a byte string.
        text: the dump as printed, without the lines of a core dump.
        corrupted: whether the guest found the stack corrupted where the backtrace ends.
        core: ESP-IDF's core dump in base64, when it was printed, too.
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
        """Whether the backtrace is no guess.

        ESP-IDF on Xtensa walks the stack by its register windows, prints where each call is, and
        needs to print no memory; other guests print the memory, for the host to unwind.
        """
        return bool(self.backtrace) and not self.memory

    def word(self, address: int) -> int | None:
        """Return the little-endian 32-bit word at `address`, or None when it was not dumped."""
        data = self.memory.get(address)
        return None if data is None else int(struct.unpack("<I", data)[0])


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a decoded backtrace; an inlined function has a frame of its own.

    Attributes:
        address: the program counter, or the return address.
        function: its name, or "??".
        file, line: where in the source; line 0 is unknown.
        inlined: whether the function was inlined into the next frame's.
        guessed: whether the guest found it on the stack, and nobody knows whether it was active.
    """

    address: int
    function: str = "??"
    file: str = ""
    line: int = 0
    inlined: bool = False
    guessed: bool = False

    def __str__(self) -> str:
        """Return one line for people."""
        place = f" at {self.file}:{self.line}" if self.file else ""
        notes = "".join(
            f" ({note})"
            for note, holds in (("inlined", self.inlined), ("guessed", self.guessed))
            if holds
        )
        return f"0x{self.address:08x} {self.function}{place}{notes}"
