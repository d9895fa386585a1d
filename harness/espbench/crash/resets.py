# SPDX-License-Identifier: MIT
"""Finds reset causes, as printed by the chip's ROM, in console text."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Reset", "ResetWatch"]


@dataclass(frozen=True, slots=True)
class Reset:
    """One line of the ROM, such as `rst:0x7 (TG0WDT_SYS_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)`.

    Attributes:
        cause: the ROM's name of the cause.
        at: position of the match in the console's text.
    """

    cause: str
    at: int


class ResetWatch:
    """Finds the ROM's lines in console text that arrives in pieces."""

    def __init__(self, pattern: str | None) -> None:
        """Prepare.

        Args:
            pattern: regular expression for the line, with the cause in group 1; None: the
                board's ROM prints no such line.
        """
        self._pattern = re.compile(pattern) if pattern else None
        self._line = ""
        self._position = 0

    def feed(self, text: str) -> list[Reset]:
        """Take more text and return the resets in it."""
        if self._pattern is None:
            return []
        found = []
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            # A line that was interrupted by the reset may precede it.
            if match := self._pattern.search(line):
                found.append(Reset(match[1], self._position + match.start()))
            self._position += len(line) + 1
        return found
