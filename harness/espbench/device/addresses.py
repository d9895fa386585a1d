# SPDX-License-Identifier: MIT
"""`Addresses`: the host ports and URLs that lead to a device, and the device's own address."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from espbench.boards.board import Board
from espbench.emulator.espemu.command import GUEST
from espbench.emulator.interface import Emulator
from espbench.errors import ConfigError, NotEmulated
from espbench.tcprelay import OnDemandRelay

__all__ = ["Addresses"]

SLIRP_SUBNET, GUEST_HOST = "10.0.2.0/24", 15
"""slirp's defaults: its network, and the index of the first guest's address in it."""
SCHEMES = ("http", "https")
"""URL schemes in the order in which a URL without one takes them."""


class _Relayed(Protocol):
    """A run of a device, with its relay."""

    relay: OnDemandRelay


class Addresses:
    """How the host reaches a device: through ports of 127.0.0.1, which slirp forwards."""

    def __init__(
        self,
        board: Board,
        subnet: str | None,
        emulator: Callable[[], Emulator],
        run: Callable[[], _Relayed],
    ) -> None:
        """Create the addresses; nothing is forwarded yet.

        Args:
            board: the board, with the guest's port by URL scheme.
            subnet: the guest's network; None for slirp's own.
            emulator: returns the running emulator, or raises NotRunning.
            run: returns the current run.
        """
        self._board = board
        self._ports: Mapping[str, int] = board.ports
        self._subnet = subnet
        self._listening: Sequence[int] | None = None
        self._emulator = emulator
        self._run = run
        self._lock = threading.Lock()

    def serve(self, ports: Mapping[str, int], listening: Sequence[int]) -> None:
        """Take these as what the firmware serves, which was found out.

        Args:
            ports: guest port by URL scheme.
            listening: all ports that it listens on.
        """
        self._ports, self._listening = dict(ports), tuple(listening)

    @property
    def guest(self) -> str:
        """The address that the guest gets by DHCP; the host reaches it only by forwarded ports."""
        if not self._board.in_qemu:
            return GUEST
        return str(ipaddress.ip_network(self._subnet or SLIRP_SUBNET)[GUEST_HOST])

    def ports(self, guest_port: int) -> list[int]:
        """Return all host ports (on 127.0.0.1) that lead to a guest port.

        Raises:
            ConfigError: the guest port is not forwarded.
            NotRunning: the device has not been started.
        """
        found = self._emulator().host_ports(guest_port)
        if not found:
            raise ConfigError(
                f"Guest port {guest_port} is not forwarded: "
                f"give the device forwards={{{guest_port}: 1}}."
            )
        return found

    def port(self, guest_port: int, index: int = 0) -> int:
        """Return a host port that leads to a guest port; `index` wraps around."""
        found = self.ports(guest_port)
        return found[index % len(found)]

    def forward(self, guest_port: int) -> int:
        """Return a host port that leads to a guest port, adding a forward if there is none yet.

        Raises:
            QemuError: QEMU could not add it.
            NotEmulated: the emulator cannot add any.
        """
        with self._lock:
            emulator = self._emulator()
            if not emulator.host_ports(guest_port):
                emulator.add_forward(f"tcp:127.0.0.1:0-:{guest_port}")
        return self.port(guest_port)

    def relay(self, guest_port: int) -> int:
        """Return a host port on which any number of clients may connect at once.

        A relay accepts them and continues each connection through a port that slirp forwards,
        whose backlog is one. The first call starts it. With esp-emu, which cannot forward further
        ports, it is the port that `port` returns.

        Raises:
            ConfigError: the emulator is esp-emu, and the port is not forwarded.
            NotRunning: the device has not been started.
        """
        self._emulator()
        try:
            return self._run().relay.port(guest_port)
        except NotEmulated:
            return self.port(guest_port)

    def url(self, path: str = "/", scheme: str = "", index: int | None = None) -> str:
        """Return the URL of a path on the device, on which any number of clients may connect.

        Args:
            path: the path.
            scheme: http, https, ws or wss; "" for http, or https if the firmware serves no http.
            index: None for the port of the relay; else which of the ports that slirp forwards,
                for a client that must not connect through a relay; wraps around.

        Raises:
            ConfigError: the board has no port for that scheme, or the firmware does not serve it.
        """
        scheme = scheme or next((each for each in SCHEMES if each in self._ports), SCHEMES[0])
        base = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        if base not in self._ports:
            if self._listening is not None:
                raise ConfigError(self._not_served(path, scheme))
            raise ConfigError(
                f"Board {self._board.name} serves {', '.join(self._ports)}, not {scheme!r}."
            )
        guest_port = self._ports[base]
        port = self.relay(guest_port) if index is None else self.port(guest_port, index)
        return f"{scheme}://127.0.0.1:{port}/{path.removeprefix('/')}"

    def _not_served(self, path: str, scheme: str) -> str:
        if not self._ports:
            ports = ", ".join(map(str, self._listening or ()))
            return f"The firmware does not serve {scheme}: it listens on {ports}, without HTTP."
        other, port = next(iter(self._ports.items()))
        other = other.replace("http", "ws") if scheme.startswith("ws") else other
        return (
            f"The firmware serves {other} on port {port}, not {scheme}: use "
            f"device.url({path!r}, {other!r})."
        )
