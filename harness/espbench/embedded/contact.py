# SPDX-License-Identifier: MIT
"""Connects to a guest's ports, and waits at the first connection until the guest is ready.

A server may print that it starts before it is ready: ESP-IDF's `ws_echo_server` prints "Starting
server" and then registers its handlers. Over a real network a client connects milliseconds later.
A client that follows an emulated console connects earlier, and gets a 404.
"""

from __future__ import annotations

import threading

from espbench.device.device import Device
from espbench.util.timeouts import Deadline

QUIET = 0.1
"""Seconds of silence on the console after which the guest counts as started."""
PATIENCE = 2.0
"""Seconds (scaled) after which to connect even to a guest that keeps printing."""


class Contact:
    """Tracks the ports of a device that clients have connected to since its last boot."""

    def __init__(self, device: Device) -> None:
        """Start without known ports."""
        self._device = device
        self._lock = threading.Lock()
        self._known: set[tuple[int, int, int]] = set()

    def port(self, guest_port: int) -> int:
        """Return the host port for a guest port; the first time in a boot, wait for silence.

        Raises:
            EspbenchError: the port cannot be forwarded.
        """
        key = (len(self._device.resets), self._device.boots, guest_port)
        with self._lock:
            if key not in self._known:
                self._device.console.wait_quiet(QUIET, Deadline(PATIENCE))
                self._known.add(key)
        return self._device.forward(guest_port)
