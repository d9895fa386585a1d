# SPDX-License-Identifier: MIT
"""Sends to a guest that is being recorded no faster than it takes bytes from its UART.

Otherwise QEMU itself holds back what does not fit into the UART. While it records, it has taken
bytes from the line before the UART gets them, and more than fit would be lost.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

from espbench.errors import ConfigError, ConsoleTimeout
from espbench.qemu.guest_memory import examine, parse_words, symbol_address
from espbench.qemu.qmp import Qmp
from espbench.util.timeouts import Deadline

SYMBOL = "uart_taken"
"""What the firmware counts in (firmware/ports/lx60/chip/uart.h)."""
FIFO = 16
"""Bytes that a 16550 holds."""
LOOK = 0.0003
"""Seconds between two looks at a guest that has not taken a piece."""


class Pace(Protocol):
    """When the next piece may be sent."""

    piece: int

    def before(self, deadline: Deadline) -> None:
        """Wait until a piece may be sent.

        Raises:
            ConsoleTimeout: it may not, in time.
        """

    def after(self, sent: int, deadline: Deadline) -> None:
        """Wait until its bytes, so many, have been taken.

        Raises:
            ConsoleTimeout: it was not, in time.
        """


class RecordedPace:
    """The pace of a QEMU that records."""

    piece = FIFO

    def __init__(self, qmp: Qmp, elf: Path) -> None:
        """Follow a guest.

        Args:
            qmp: the monitor of its QEMU.
            elf: its firmware, whose `SYMBOL` counts what it takes.
        """
        self._qmp = qmp
        self._elf = elf
        self._command = ""
        self._before = 0

    def before(self, deadline: Deadline) -> None:
        """Wait until the guest takes bytes, and note how many it has taken.

        Raises:
            ConfigError: it does not count them.
            ConsoleTimeout: it did not get so far in time.
        """
        self._command = self._command or examine(self._counter(), 1)
        while not (taken := self._taken()):
            self._look_again(deadline)
        self._before = taken

    def after(self, sent: int, deadline: Deadline) -> None:
        """Wait until the guest has taken so many bytes, or starts again.

        Raises:
            ConsoleTimeout: neither, in time.
        """
        while self._before <= self._taken() < self._before + sent:
            self._look_again(deadline)

    def _counter(self) -> int:
        address = symbol_address(self._elf, SYMBOL)
        if address is None:
            raise ConfigError(
                f"Nothing can be sent to the UART while QEMU records, because {self._elf} does not "
                f"count what it takes (it has no symbol {SYMBOL}, see docs/how-to/record.md): let "
                "it count, or leave out --espbench-record."
            )
        return address

    def _taken(self) -> int:
        said = self._qmp.monitor(self._command, deadline=Deadline(5))
        return int.from_bytes(parse_words(said, 1), "little")

    def _look_again(self, deadline: Deadline) -> None:
        if deadline.expired():
            raise ConsoleTimeout(
                f"The guest did not take what was sent to its UART within {deadline}: it hangs, or "
                "runs with interrupts off."
            )
        time.sleep(LOOK)  # nothing tells when the guest has read
