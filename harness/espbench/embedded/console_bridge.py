# SPDX-License-Identifier: MIT
"""Hands the console over to pytest-embedded's message queue, which lives in another process.

Line by line: an emulated UART is read a few characters at a time, and `dut.expect(r"port (\\d+)")`
would be content with the first digit.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import Protocol

LINGER = 0.05
"""Seconds (unscaled) that an unfinished line waits for its rest; a prompt has none."""


class MessageQueue(Protocol):
    """pytest-embedded's queue; what is put there reaches `dut.expect` and its log."""

    def put(self, data: bytes) -> None:
        """Append."""


class Feed:
    """A thread of its own, so that the console's reader never waits for another process."""

    def __init__(self, target: MessageQueue, linger: float = LINGER) -> None:
        """Start.

        Args:
            target: where it goes.
            linger: see `LINGER`.
        """
        self._target = target
        self._linger = linger
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="espbench-dut", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Hand `data` over, soon."""
        self._pieces.put(data)

    def close(self) -> None:
        """Hand over what is left and end."""
        self._pieces.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        # The queue's process may end first, when pytest is interrupted.
        with contextlib.suppress(OSError, EOFError):
            line = b""
            while True:
                try:
                    data = self._pieces.get(timeout=self._linger if line else None)
                except queue.Empty:
                    self._target.put(line)
                    line = b""
                    continue
                lines, end, rest = (line + (data or b"")).rpartition(b"\n")
                if end:
                    self._target.put(lines + end)
                line = rest
                if data is None:
                    break
            if line:
                self._target.put(line)
