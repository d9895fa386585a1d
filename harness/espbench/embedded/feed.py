"""Hands the console over to pytest-embedded's message queue, which lives in another process."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import Protocol


class MessageQueue(Protocol):
    """pytest-embedded's queue; what is put there reaches `dut.expect` and its log."""

    def put(self, data: bytes) -> None:
        """Append."""


class Feed:
    """A thread of its own, so that the console's reader never waits for another process."""

    def __init__(self, target: MessageQueue) -> None:
        """Start.

        Args:
            target: where it goes.
        """
        self._target = target
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
            while (data := self._pieces.get()) is not None:
                self._target.put(data)
