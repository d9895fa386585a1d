# SPDX-License-Identifier: MIT
"""Flow control for input to the UART of a guest that is being recorded.

Without recording, QEMU itself holds back input that does not fit into the UART. While it records,
it takes bytes from the line before the UART gets them, and those that do not fit are lost.
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
"""The firmware's count of bytes taken (firmware/ports/lx60/chip/uart.h)."""
FIFO = 16
"""Size of a 16550's FIFO in bytes."""
LOOK = 0.0003
"""Polling interval of the count in seconds."""


class Pace(Protocol):
    """Decides when the next piece may be sent."""

    piece: int

    def before(self, deadline: Deadline) -> None:
        """Wait until a piece may be sent.

        Raises:
            ConsoleTimeout: the guest was not ready in time.
        """

    def after(self, sent: int, deadline: Deadline) -> None:
        """Wait until the guest has taken the piece of `sent` bytes.

        Raises:
            ConsoleTimeout: the guest did not take it in time.
        """


class RecordedPace:
    """Flow control for a QEMU that records."""

    piece = FIFO

    def __init__(self, qmp: Qmp, elf: Path) -> None:
        """Follow a guest.

        Args:
            qmp: the monitor of its QEMU.
            elf: its firmware, whose `SYMBOL` counts the bytes taken.
        """
        self._qmp = qmp
        self._elf = elf
        self._command = ""
        self._before = 0

    def before(self, deadline: Deadline) -> None:
        """Wait until the guest takes bytes, and note how many it has taken.

        Raises:
            ConfigError: the guest does not count them.
            ConsoleTimeout: the guest was not ready in time.
        """
        self._command = self._command or examine(self._counter(), 1)
        while not (taken := self._taken()):
            self._look_again(deadline)
        self._before = taken

    def after(self, sent: int, deadline: Deadline) -> None:
        """Wait until the guest has taken this many bytes, or restarts.

        Raises:
            ConsoleTimeout: neither happened in time.
        """
        while self._before <= self._taken() < self._before + sent:
            self._look_again(deadline)

    def _counter(self) -> int:
        address = symbol_address(self._elf, SYMBOL)
        if address is None:
            raise ConfigError(
                f"Nothing can be sent to the UART while QEMU records, because {self._elf} does not "
                f"count the bytes it takes (it has no symbol {SYMBOL}): add it as in "
                "docs/how-to/record.md, or omit --espbench-record."
            )
        return address

    def _taken(self) -> int:
        output = self._qmp.monitor(self._command, deadline=Deadline(5))
        return int.from_bytes(parse_words(output, 1), "little")

    def _look_again(self, deadline: Deadline) -> None:
        if deadline.expired():
            raise ConsoleTimeout(
                f"The guest did not take the input to its UART within {deadline}: it hangs, or "
                "runs with interrupts disabled."
            )
        time.sleep(LOOK)  # there is no event for a read by the guest
