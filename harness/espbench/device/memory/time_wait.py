# SPDX-License-Identifier: MIT
"""Which connections lwIP still remembers although they are over (RFC 9293, TIME-WAIT).

Such a connection holds a control block where the next one's would be, so what comes after it finds
another heap. lwIP counts the time in half seconds, so it takes between 1 and 1.5 s on lx60.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espbench.qemu.guest_memory import examine, parse_words, symbol_address
from espbench.util.timeouts import Deadline

if TYPE_CHECKING:
    from espbench.device.device import Device

SYMBOL = "tcp_tw_pcbs"
LOOK = 0.02
"""Seconds between two looks: nothing tells when such a connection is forgotten."""


class TimeWait:
    """Reads lwIP's list of such connections in a running device's memory."""

    def __init__(self, device: Device) -> None:
        """Find the list; a firmware may have none that can be found."""
        address = symbol_address(device.elf, SYMBOL)
        self._device = device
        self._command = None if address is None else examine(address, 1)

    @property
    def known(self) -> bool:
        """Whether there is a list to read."""
        return self._command is not None

    def any(self) -> bool:
        """Return whether there is such a connection; False when nobody knows."""
        if self._command is None:
            return False
        text = self._device.monitor("human-monitor-command", command_line=self._command)
        return any(parse_words(str(text), 1))

    def wait(self, patience: Deadline) -> None:
        """Wait until there is no such connection, or no patience."""
        while self.any() and not patience.expired():
            self._device.wait_for_change(LOOK)
