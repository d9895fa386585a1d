# SPDX-License-Identifier: MIT
"""`Panic`: a panic of the guest, with its decoded backtrace.

With an ELF, the stack is unwound exactly from its call frame information. Without one, or where
that information ends, the guest's own backtrace is used.
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
        dump: the parsed dump.
        elf: firmware with debugging information, or None.
        at: seconds since the device's start.
    """

    dump: Dump
    elf: Path | None = None
    at: float = 0.0

    @property
    def cause(self) -> str:
        """The cause, such as "LoadProhibited", "assert" or "abort"."""
        return self.dump.cause

    @property
    def headline(self) -> str:
        """The first line of the dump."""
        return self.dump.headline

    @cached_property
    def backtrace(self) -> tuple[Frame, ...]:
        """The decoded backtrace, innermost first; the first access takes a moment."""
        from espbench.crash.unwind import decode

        return decode(self.dump, self.elf)

    def __str__(self) -> str:
        """Return the headline and the backtrace."""
        lines = [self.headline, *_numbered(self.backtrace)]
        if self.dump.corrupted:
            lines.append("  (the guest found its stack corrupted behind the last frame)")
        return "\n".join(lines)

    def report(self) -> str:
        """Return the content of `panic.txt`: the decoded panic, then the dump as printed."""
        return f"{self}\n\n{self.dump.text}\n"


def _numbered(frames: Iterable[Frame]) -> list[str]:
    return [f"  #{number} {frame}" for number, frame in enumerate(frames)] or [
        "  (no backtrace was printed)"
    ]
