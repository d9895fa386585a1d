# SPDX-License-Identifier: MIT
"""`Output`: the device's output and espbench's own messages on one terminal, line by line."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TextIO

from rich.console import Console

QUIET = 0.3
"""Seconds without output after which an unfinished line is a prompt rather than half a line."""


class Output:
    """Writes what the device prints, and espbench's messages between the device's lines.

    One thread calls `write`; any thread may call `message`.

    Attributes:
        to: receives the device's output as it comes.
        people: prints messages, to the same terminal.
    """

    def __init__(self, to: TextIO, people: Console) -> None:
        self.to = to
        self.people = people
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, str | None]] = deque()
        self._within_line = False
        self._last = time.monotonic()

    def message(self, text: str, style: str | None = None) -> None:
        """Print a message at the next line end, or below a prompt; see `write`."""
        with self._lock:
            self._waiting.append((text, style))

    def due(self) -> float | None:
        """Return the seconds until `write` should be called without output; None without messages.

        The value is 0 when a message can be printed at once.
        """
        with self._lock:
            if not self._waiting:
                return None
            if not self._within_line:
                return 0.0
            return max(0.0, self._last + QUIET - time.monotonic())

    def write(self, text: str, *, last: bool = False) -> None:
        """Write output of the device, and the messages that wait.

        Args:
            text: the output, which may be empty and may end within a line.
            last: whether nothing follows, so that no message waits any longer.
        """
        with self._lock:
            now = time.monotonic()
            if text and self._waiting and (end := text.find("\n") + 1):
                self._copy(text[:end])
                self._print()
                text = text[end:]
            if text:
                self._copy(text)
                self._last = now
            if self._waiting and (last or not self._within_line or now >= self._last + QUIET):
                self._print()

    def _copy(self, text: str) -> None:
        self.to.write(text)
        self.to.flush()
        self._within_line = not text.endswith("\n")

    def _print(self) -> None:
        if self._within_line:
            self._copy("\n")
        while self._waiting:
            text, style = self._waiting.popleft()
            self.people.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
