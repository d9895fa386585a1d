# SPDX-License-Identifier: MIT
"""`TimeWait`: reads lwIP's list of TIME-WAIT connections (RFC 9293) from a guest's memory.

Such a connection occupies a control block where the next one would be, so later allocations find a
different heap. lwIP counts in half seconds, so on lx60 it lasts between 1 and 1.5 s.
"""

from __future__ import annotations

from espbench.inspect.inspection import InspectedGuest
from espbench.qemu.guest_memory import examine, parse_words, symbol_address
from espbench.util.timeouts import Deadline

__all__ = ["TimeWait"]

SYMBOL = "tcp_tw_pcbs"
LOOK = 0.02
"""Seconds between two polls; the guest sends no event when such a connection is freed."""


class TimeWait:
    """Reads lwIP's list of TIME-WAIT connections in a running guest."""

    def __init__(self, guest: InspectedGuest) -> None:
        """Find the list, if the firmware's symbols have it."""
        address = symbol_address(guest.elf, SYMBOL)
        self._guest = guest
        self._command = None if address is None else examine(address, 1)

    @property
    def known(self) -> bool:
        """Whether the list was found."""
        return self._command is not None

    def any(self) -> bool:
        """Return whether there is such a connection; False if the list was not found."""
        if self._command is None:
            return False
        text = self._guest.monitor("human-monitor-command", command_line=self._command)
        return any(parse_words(str(text), 1))

    def wait(self, patience: Deadline) -> None:
        """Wait until there is no such connection, or until the deadline."""
        while self.any() and not patience.expired():
            self._guest.wait_for_change(LOOK)
