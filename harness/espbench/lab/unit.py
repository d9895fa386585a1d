# SPDX-License-Identifier: MIT
"""`Unit`: an emulated board that runs while its place is acquired; independent of labgrid."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass

from espbench.device.device import Device
from espbench.errors import DeviceError
from espbench.interactive.up import UpOptions, access
from espbench.lab.console_server import ConsoleServer
from espbench.lab.power_server import PowerServer

TYPING = 1.0
"""Seconds that a guest may take to read input before that is lost, as on a real wire."""


@dataclass(frozen=True)
class Ports:
    """The ports of a unit, which stay the same during a lease, even across power cycles."""

    console: int
    power: int
    servers: dict[str, int]
    """Ports by scheme, http and https."""
    password: str | None
    """The WebREPL's password, different for each lease; None if a file of the unit sets it."""


class Unit:
    """A board with its console and its power switch on TCP ports."""

    def __init__(self, name: str, options: UpOptions, listen: str) -> None:
        """Create a unit; nothing runs yet.

        Args:
            name: the unit's name, for messages.
            options: the board, firmware and files.
            listen: address of this host to listen on.

        Raises:
            EspbenchError: the options are invalid.
        """
        self._password: str | None = None
        self.name = name
        self.listen = listen
        self._options = options
        self._lock = threading.RLock()
        self._users = 0
        self._console: ConsoleServer | None = None
        self._power: PowerServer | None = None
        self._servers: dict[str, int] = {}
        self._device = self._new_device()  # so that invalid options fail when the exporter starts

    def _new_device(self) -> Device:
        known = access(self._options)
        self._password = known.password
        return Device(
            self._options.board,
            self._options.firmware,
            files=known.files,
            args=self._options.args,
            internet=self._options.internet,
            capture=False,
            tap=self._show,
            name=self.name,
        )

    @property
    def ports(self) -> Ports | None:
        """The unit's ports while it is leased, else None."""
        if self._console is None or self._power is None:
            return None
        return Ports(self._console.port, self._power.port, dict(self._servers), self._password)

    def acquire(self) -> None:
        """Add a user; the first one switches the board on.

        Raises:
            EspbenchError: the board could not start.
        """
        with self._lock:
            if self._users == 0:
                try:
                    self._console = ConsoleServer(self.listen, self._type)
                    self._power = PowerServer(self.listen, self.is_on, self.switch)
                    self.switch(True)
                except BaseException:
                    self._end()
                    raise
            self._users += 1

    def release(self) -> None:
        """Remove a user; after the last one, the board ends, and its files are reset."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._end()

    def _end(self) -> None:
        power, console = self._power, self._console
        self._power = self._console = None
        if power is not None:
            power.close()
        self._device.close()
        if console is not None:
            console.close()
        self._servers = {}
        self._device = self._new_device()

    def is_on(self) -> bool:
        """Return whether the board is on; if its QEMU has died, it is off."""
        return self._device.running

    def switch(self, on: bool) -> None:
        """Switch the board's power on or off.

        Raises:
            EspbenchError: the board could not start or stop.
        """
        with self._lock:
            if on == self.is_on():
                return
            self._device.stop()
            if on:
                self._device.start(wait=False)
                try:
                    self._forward()
                except BaseException:
                    self._device.stop()
                    raise

    def _forward(self) -> None:
        """Open the same ports as before, because the device's own are others at each start."""
        for scheme, guest_port in self._device.board.ports.items():
            port = self._servers.get(scheme, 0)
            self._servers[scheme] = self._device.run.relay.listen(guest_port, self.listen, port)

    def _show(self, data: bytes) -> None:
        if (console := self._console) is None:
            return
        if self._options.board.control_uart is None:
            # The demultiplexer of control records has removed \r, which a terminal needs.
            data = data.replace(b"\n", b"\r\n")
        console.feed(data)

    def _type(self, data: bytes) -> None:
        with contextlib.suppress(DeviceError):
            self._device.console.send(data, TYPING)
