# SPDX-License-Identifier: MIT
"""The way to a guest's ports, with some patience at first contact.

A server prints that it starts before it is complete: ESP-IDF's `ws_echo_server` says "Starting
server" and then registers its handlers. A client behind a real network comes milliseconds later;
one that follows an emulated console by a forwarded port comes before, and gets a 404.
"""

from __future__ import annotations

import threading

from espbench.device.device import Device
from espbench.util.timeouts import Deadline

QUIET = 0.1
"""Seconds without a word from the guest, after which it has started what it was starting."""
PATIENCE = 2.0
"""Seconds (scaled) after which a guest that never is silent is connected to all the same."""


class Contact:
    """Knows which ports of a device have been connected to since its last boot."""

    def __init__(self, device: Device) -> None:
        """Begin with none."""
        self._device = device
        self._lock = threading.Lock()
        self._known: set[tuple[int, int, int]] = set()

    def port(self, guest_port: int) -> int:
        """Return the host port that leads there; the first time in a boot the guest is quiet then.

        Raises:
            EspbenchError: there is no way to it.
        """
        key = (len(self._device.resets), self._device.boots, guest_port)
        with self._lock:
            if key not in self._known:
                self._device.console.wait_quiet(QUIET, Deadline(PATIENCE))
                self._known.add(key)
        return self._device.forward(guest_port)
