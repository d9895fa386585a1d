# SPDX-License-Identifier: MIT
"""How often the guest booted, why, and what it reported since: `Boots`, of one run of a device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any

from espbench.boards.board import Board
from espbench.crash.resets import ResetWatch
from espbench.device.timeline import Timeline

__all__ = ["BOOTS_IN_VAIN", "Boots"]

BOOTS_IN_VAIN = 5
"""Boots without becoming ready that make a reboot loop."""


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
        """Know of no boot yet.

        Args:
            board: whose ROM prints a line at each boot, or none.
            timeline: where resets and events are noted.
            printed: returns how many characters the console has.
            on_begin: called when a boot begins, before what the last one said is forgotten.
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
        """The cause of every boot, as the chip's ROM names it, where it does."""
        self.first_event = 0
        """Index into `events` of the present boot's first."""
        self.first_text = 0
        """Where the present boot begins in the console's text."""
        self.in_vain = 0
        """Boots since somebody began to wait until the device is ready."""
        self.cause = ""
        """Why it booted last."""
        self.no_boot = ""
        """Why the ROM found nothing to boot; "" while it did not say so."""

    @contextlib.contextmanager
    def awaited(self) -> Generator[None]:
        """Count the boots in the block as boots in vain, until the device is ready."""
        if not self._waiting:
            self.in_vain = 0
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    @property
    def cannot_boot(self) -> bool:
        """Whether somebody waits until it is ready, and the ROM found nothing to boot."""
        return self._waiting > 0 and bool(self.no_boot)

    @property
    def looping(self) -> bool:
        """Whether somebody waits in vain; a test may reset the device as often as it likes."""
        return self._waiting > 0 and (self.in_vain >= BOOTS_IN_VAIN or bool(self.no_boot))

    def begin(self) -> None:
        """Forget what the last boot said."""
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
            # The ROM speaks long before the firmware's own boot event.
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
