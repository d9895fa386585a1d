# SPDX-License-Identifier: MIT
"""`Panic`: a panic of the guest, with its decoded backtrace.

With the ELF at hand the stack is unwound exactly, by the call frame information in it; without, or
where that ends early, the guest's own backtrace is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espbench.crash.types import Dump, Frame

__all__ = ["Panic"]


@dataclass(frozen=True)
class Panic:
    """A panic of the guest.

    Attributes:
        dump: what it printed.
        elf: firmware with debugging information, or None.
        at: seconds after the device's start.
    """

    dump: Dump
    elf: Path | None = None
    at: float = 0.0

    @property
    def cause(self) -> str:
        """Such as "LoadProhibited", "assert" or "abort"."""
        return self.dump.cause

    @property
    def headline(self) -> str:
        """The first line of the dump."""
        return self.dump.headline

    @cached_property
    def backtrace(self) -> tuple[Frame, ...]:
        """The decoded backtrace, innermost first; takes a moment the first time."""
        from espbench.crash.unwind import decode

        return decode(self.dump, self.elf)

    def __str__(self) -> str:
        """Return the headline and the backtrace, for people."""
        lines = [self.headline, *_numbered(self.backtrace)]
        if self.dump.corrupted:
            lines.append("  (the guest found its stack corrupted behind the last frame)")
        return "\n".join(lines)

    def report(self) -> str:
        """Return what goes into `panic.txt`: decoded first, then as printed."""
        return f"{self}\n\n{self.dump.text}\n"


def _numbered(frames: Iterable[Frame]) -> list[str]:
    return [f"  #{number} {frame}" for number, frame in enumerate(frames)] or [
        "  (no backtrace was printed)"
    ]
