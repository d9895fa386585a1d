# SPDX-License-Identifier: MIT
"""`OnDemandRelay`: the relay of one run of a device, started when a port of it is first used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from espbench.errors import NotRunning, PortInUse
from espbench.tcprelay.relay import TcpRelay

__all__ = ["FORWARDS", "Forwarder", "OnDemandRelay"]

HERE = "127.0.0.1"
FORWARDS = 16
"""The emulator's ports for each of the guest's: it accepts a client on each at the same time."""


class Forwarder(Protocol):
    """A process that forwards ports, such as `espbench.qemu.process.Qemu`."""

    @property
    def pid(self) -> int | None:
        """Its process id."""

    def forward_apart(self, guest_port: int, number: int) -> Sequence[int]:
        """Forward this number of ports of 127.0.0.1 to a guest port, and return them."""


class OnDemandRelay:
    """Host ports on which any number of clients may connect to a device at the same moment."""

    def __init__(self, name: str, emulator: Callable[[], Forwarder]) -> None:
        """Start nothing yet.

        Args:
            name: name of the device, for messages.
            emulator: returns the running emulator, or raises NotRunning.
        """
        self._name = name
        self._emulator = emulator
        self._lock = threading.Lock()
        self._closed = False
        self._relay: TcpRelay | None = None
        self._upstream: dict[int, Sequence[int]] = {}
        self._usual: dict[int, int] = {}

    def port(self, guest_port: int) -> int:
        """Return the host port on 127.0.0.1 that leads to a guest port; the first call opens it.

        Raises:
            NotRunning: the device has been stopped.
            NotEmulated: the emulator cannot forward further ports.
        """
        with self._lock:
            if guest_port not in self._usual:
                self._usual[guest_port] = self._listen(guest_port, HERE, 0)
            return self._usual[guest_port]

    def listen(self, guest_port: int, host: str = HERE, port: int = 0) -> int:
        """Open one more host port that leads to a guest port, and return it.

        Args:
            guest_port: the guest's port.
            host: the IPv4 address of this host to listen on.
            port: the host port; 0 for a free one.

        Raises:
            PortInUse: the port is in use, or it must not be used.
            NotRunning: the device has been stopped.
            NotEmulated: the emulator cannot forward further ports.
        """
        with self._lock:
            return self._listen(guest_port, host, port)

    def close(self) -> None:
        """End every connection, and close the ports."""
        with self._lock:
            self._closed = True
            relay, self._relay = self._relay, None
            self._usual.clear()
        if relay is not None:
            relay.close()

    def _listen(self, guest_port: int, host: str, port: int) -> int:
        if self._closed:
            raise NotRunning(f"{self._name} is not running: start it first.")
        emulator = self._emulator()
        if guest_port not in self._upstream:
            self._upstream[guest_port] = emulator.forward_apart(guest_port, FORWARDS)
        if self._relay is None:
            self._relay = TcpRelay(emulator.pid)
        try:
            return self._relay.listen(host, port, self._upstream[guest_port])
        except OSError as error:
            raise PortInUse(
                f"Port {port} of {host} cannot be used ({error.strerror}): end the program that "
                "uses it, or choose another."
            ) from error
