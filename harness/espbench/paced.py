"""Sends to a guest that is being recorded no faster than it takes bytes from its UART.

Otherwise QEMU itself holds back what does not fit into the UART. While it records, it has taken
bytes from the line before the UART gets them, and more than fit would be lost.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Protocol

from espbench.deadline import Deadline
from espbench.errors import ConsoleTimeout
from espbench.qmp import Qmp
from espbench.recording import TICK_US

PIECE = 1
"""Bytes: a 16550 holds 16, so that it takes fifteen wrong guesses in a row to lose one. QEMU hands
over one at a time anyway."""
TICKS = 4
"""After so many ticks of a busy guest's clock, too, the UART has what was sent."""
SETTLED = TICK_US / 1e6
"""Seconds until the next byte may follow to a guest that sleeps: its clock follows the host's, so a
tick has brought the byte to the UART, or there is room for those of a slow host."""
LOOK = 0.0003
"""Seconds between two looks at a guest that has not taken a piece."""
DATA_READY = 1
"""Bit of a 16550's line status: there is something to read."""


class Pace(Protocol):
    """When the next piece may be sent."""

    piece: int

    def before(self) -> None:
        """Note how things are before a piece is sent."""

    def after(self, deadline: Deadline) -> None:
        """Wait until it has been taken.

        Raises:
            ConsoleTimeout: it was not, in time.
        """


class RecordedPace:
    """The pace of a QEMU that records."""

    def __init__(self, qmp: Qmp, shift: int, status: int | None) -> None:
        """Follow a QEMU.

        Args:
            qmp: its monitor.
            shift: of its clock.
            status: address of the UART's line status; None: a busy guest is trusted to read.
        """
        self.piece = PIECE
        self._qmp = qmp
        self._delivered = (TICKS * TICK_US * 1000) >> shift
        self._status = status
        self._before = 0
        self._thread = 0

    def _waits(self) -> bool:
        """Return whether the thread that is the guest's core waits; one that the host keeps from
        running does not, though it executes nothing either."""
        if not self._thread:
            [core] = self._qmp.execute("query-cpus-fast", deadline=Deadline(5))
            self._thread = int(core["thread-id"])
        try:
            status = Path(f"/proc/{self._thread}/stat").read_text()
        except OSError:
            return True  # it has ended, which the next question tells
        return status.rpartition(") ")[2].startswith("S")

    def _instructions(self) -> int:
        return int(self._qmp.execute("query-replay", deadline=Deadline(5))["icount"])

    def _unread(self) -> bool:
        """Return whether the UART holds something; reading its status does not change it."""
        if self._status is None:
            return False
        said = self._qmp.monitor(f"xp /1xw {self._status:#x}", deadline=Deadline(5))
        found = re.search(r": 0x([0-9a-f]+)", said)
        return found is not None and bool(int(found[1], 16) & DATA_READY)

    def before(self) -> None:
        """Note how many instructions were executed."""
        self._before = self._instructions()

    def after(self, deadline: Deadline) -> None:
        """Wait until the guest sleeps and the UART has what was sent, or it has read all of that.

        Raises:
            ConsoleTimeout: neither, in time.
        """
        last, waited, start = self._before, False, time.monotonic()
        while True:
            now, waits = self._instructions(), self._waits()
            slept = now == last and waited and waits and time.monotonic() - start > SETTLED
            if (slept or now - self._before > self._delivered) and not self._unread():
                return
            if deadline.expired():
                raise ConsoleTimeout(
                    f"The guest did not take what was sent to its UART within {deadline}: it "
                    "hangs, or runs with interrupts off."
                )
            last, waited = now, waits
            time.sleep(LOOK)  # nothing tells when the guest has read
