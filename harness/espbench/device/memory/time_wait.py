# SPDX-License-Identifier: MIT
"""Reads lwIP's TIME-WAIT connections (RFC 9293) in a guest's memory: `TimeWait`.

Such a connection holds a control block where the next one's would be, so what comes after it finds
another heap. lwIP counts the time in half seconds, so it takes between 1 and 1.5 s on lx60.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from espbench.qemu.guest_memory import examine, parse_words, symbol_address
from espbench.util.timeouts import Deadline

__all__ = ["MonitoredGuest", "TimeWait"]

SYMBOL = "tcp_tw_pcbs"
LOOK = 0.02
"""Seconds between two looks: nothing tells when such a connection is forgotten."""


class MonitoredGuest(Protocol):
    """A guest whose memory can be read through QEMU's monitor; `Device` is one."""

    @property
    def elf(self) -> Path:
        """The firmware with its symbols."""

    def monitor(self, command: str, timeout: float | Deadline = 5.0, /, **arguments: Any) -> Any:
        """Execute a QMP command and return what it returns."""

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the console shows something, or so many (unscaled) seconds are over."""


class TimeWait:
    """Reads lwIP's list of such connections in a running guest's memory."""

    def __init__(self, guest: MonitoredGuest) -> None:
        """Find the list; a firmware may have none that can be found."""
        address = symbol_address(guest.elf, SYMBOL)
        self._guest = guest
        self._command = None if address is None else examine(address, 1)

    @property
    def known(self) -> bool:
        """Whether there is a list to read."""
        return self._command is not None

    def any(self) -> bool:
        """Return whether there is such a connection; False when nobody knows."""
        if self._command is None:
            return False
        text = self._guest.monitor("human-monitor-command", command_line=self._command)
        return any(parse_words(str(text), 1))

    def wait(self, patience: Deadline) -> None:
        """Wait until there is no such connection, or no patience."""
        while self.any() and not patience.expired():
            self._guest.wait_for_change(LOOK)
