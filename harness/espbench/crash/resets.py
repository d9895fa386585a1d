# SPDX-License-Identifier: MIT
"""Finds the causes of resets in console text, as the chip's ROM prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Reset", "ResetWatch"]


@dataclass(frozen=True, slots=True)
class Reset:
    """One line of the ROM, such as `rst:0x7 (TG0WDT_SYS_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)`.

    Attributes:
        cause: the ROM's name of it.
        at: where the line begins in the console's text.
    """

    cause: str
    at: int


class ResetWatch:
    """Finds the ROM's lines in console text that comes in pieces."""

    def __init__(self, pattern: str | None) -> None:
        """Prepare.

        Args:
            pattern: of the line, with what it says in group 1; None: the board's ROM prints none.
        """
        self._pattern = re.compile(pattern) if pattern else None
        self._line = ""
        self._position = 0

    def feed(self, text: str) -> list[Reset]:
        """Take more text and return the resets that it tells of."""
        if self._pattern is None:
            return []
        found = []
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            # The rest of a line that a reset cut off may be in front of it.
            if match := self._pattern.search(line):
                found.append(Reset(match[1], self._position + match.start()))
            self._position += len(line) + 1
        return found
