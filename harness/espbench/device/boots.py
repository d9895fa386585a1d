# SPDX-License-Identifier: MIT
"""`Boots`: the boots of one run of a device: their number, their causes, the events since."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any

from espbench.boards.board import Board
from espbench.crash.resets import ResetWatch
from espbench.device.timeline import Timeline

__all__ = ["BOOTS_IN_VAIN", "Boots"]

BOOTS_IN_VAIN = 5
"""Consecutive boots without becoming ready that count as a reboot loop."""


class Boots:
    """The guest's boots and events; the reader thread feeds it with the console's lock held."""

    def __init__(
        self,
        board: Board,
        timeline: Timeline,
        *,
        printed: Callable[[], int],
        on_begin: Callable[[], None],
    ) -> None:
        """Start without any boots.

        Args:
            board: names the lines that its ROM prints, if any.
            timeline: records resets and events.
            printed: returns the number of characters on the console.
            on_begin: called when a boot begins, before the state of the previous one is dropped.
        """
        self._timeline = timeline
        self._printed = printed
        self._on_begin = on_begin
        self._resets = ResetWatch(board.reset_line)
        self._no_boots = ResetWatch(board.no_boot_line)
        self._rom_began = False
        self._waiting = 0
        self.count = 0
        """How often the guest's firmware reported a boot."""
        self.events: list[dict[str, Any]] = []
        """The guest's events, as it sent them."""
        self.resets: list[str] = []
        """The cause of every boot, as the chip's ROM names it, if it does."""
        self.first_event = 0
        """Index into `events` of the current boot's first event."""
        self.first_text = 0
        """Offset of the current boot in the console's text."""
        self.in_vain = 0
        """Boots since a caller began to wait until the device is ready."""
        self.cause = ""
        """The cause of the last boot."""
        self.no_boot = ""
        """Why the ROM found nothing to boot; "" unless it reported that."""

    @contextlib.contextmanager
    def awaited(self) -> Generator[None]:
        """Count boots as unsuccessful while the block waits for the device to become ready."""
        if not self._waiting:
            self.in_vain = 0
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    @property
    def cannot_boot(self) -> bool:
        """Whether a caller waits until it is ready, and the ROM found nothing to boot."""
        return self._waiting > 0 and bool(self.no_boot)

    @property
    def looping(self) -> bool:
        """Whether a caller waits in vain; a test may reset the device as often as it likes."""
        return self._waiting > 0 and (self.in_vain >= BOOTS_IN_VAIN or bool(self.no_boot))

    def begin(self) -> None:
        """Drop the state of the previous boot."""
        self._on_begin()
        self.first_event = len(self.events)
        self.first_text = self._printed()

    def take_event(self, record: dict[str, Any]) -> None:
        """Take an event of the guest; its firmware's `boot` comes after the ROM's line."""
        name = str(record["event"])
        if name == "boot":
            if not self._rom_began:
                self.begin()
                self.in_vain += 1
                self.cause = str(record.get("cause", "unknown"))
            self._rom_began = False
            self.count += 1
        self.events.append(record)
        self._timeline.add(name, **{k: v for k, v in record.items() if k != "event"})

    def feed(self, text: str) -> None:
        """Look for the ROM's lines in what the console printed."""
        for reset in self._resets.feed(text):
            # The ROM prints this long before the firmware's own boot event.
            self.begin()
            self.first_text = reset.at
            self._rom_began = True
            self.no_boot = ""
            self.in_vain += 1
            self.cause = reset.cause
            self.resets.append(reset.cause)
            self._timeline.add("reset_cause", cause=reset.cause)
        for failure in self._no_boots.feed(text):
            self.no_boot = failure.cause
