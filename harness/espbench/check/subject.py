# SPDX-License-Identifier: MIT
"""`Subject`: what a check sees of the device: the server that it asks, and how to reach it."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from espbench.check.credentials.find import Sources
from espbench.check.diagnosis.state import state_of
from espbench.check.errors import NotApplicable
from espbench.check.profile import Profile
from espbench.check.server import Server, WebSocketPath
from espbench.clients import Endpoint, Tls
from espbench.clients.errors import ClientError
from espbench.clients.http import Headers, HttpConnection, encode_request, with_defaults
from espbench.clients.tcp import ByteStream
from espbench.device.device import Device
from espbench.errors import InspectError, NotInspectable, NotRunning
from espbench.flash.littlefs_image import Content
from espbench.util.timeouts import Deadline

__all__ = ["Booter", "Subject"]

ANSWER = 8.0
"""Seconds (before scaling) within which a well device answers."""
FIRST, SECURE = 1.0, 4
"""Seconds (before scaling) for the first answer of a device that boots, and the factor for TLS.

slirp repeats a SYN that the guest has lost after 6 s; a new connection is faster.
"""
LOOK = 0.05
"""Seconds between two looks at what listens."""


_ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")


def _guest_ports(device: Device) -> dict[int, int]:
    """Return the guest's port for each forwarded port of the host."""
    try:
        return {each.host_port: each.guest_port for each in device.forwards}
    except (NotRunning, AttributeError):  # no QEMU
        return {}


class Booter(Protocol):
    """Boots further devices with the same firmware, such as a `Dut`."""

    @property
    def files(self) -> Mapping[str, Content]:
        """The content of the device's file system, by path, as far as espbench writes it."""

    @property
    def sources(self) -> Sources:
        """Where the firmware's certificate and key may be stored."""

    def booted(
        self, files: Mapping[str, Content], image: bytes | None = None
    ) -> AbstractContextManager[Subject]:
        """Boot one more device with these files, for a `with` block; nothing is waited for.

        Args:
            files: content of its file system, by path.
            image: another image than the firmware's; None for that.
        """


class Subject:
    """A device that is well, and one of its servers, which a check asks.

    Attributes:
        device: the running device.
        servers: all servers that were found.
        server: the one to ask; for a check that needs none, the first one.
        websocket: the path to ask, for checks that need a WebSocket.
        profile: what the user said about the firmware.
    """

    def __init__(
        self,
        device: Device,
        servers: Iterable[Server],
        server: Server | None = None,
        websocket: WebSocketPath | None = None,
        profile: Profile | None = None,
        booter: Booter | None = None,
    ) -> None:
        """Look at a device; nothing is sent."""
        self.device = device
        self.servers = tuple(servers)
        self._server = server
        self.websocket = websocket
        self.profile = profile or Profile()
        self.state = state_of(device)
        """The device's state before the check."""
        self._booter = booter
        self._guests = _guest_ports(device)
        self._lock = threading.Lock()
        self._ports: dict[int, itertools.cycle[int]] = {}

    @property
    def server(self) -> Server:
        """The server to ask.

        Raises:
            NotApplicable: the device has none.
        """
        if self._server is None:
            if not self.servers:
                raise NotApplicable("The device has no server.")
            return self.servers[0]
        return self._server

    @property
    def booter(self) -> Booter:
        """Boots further devices with the same firmware.

        Raises:
            NotApplicable: nothing can.
        """
        if self._booter is None:
            raise NotApplicable("No other device can be booted.")
        return self._booter

    @property
    def endpoint(self) -> Endpoint:
        """An endpoint of the server, through the next forwarded port (see `Endpoints`)."""
        return self.endpoint_of(self.server)

    @property
    def path(self) -> str:
        """A path of the server that is answered."""
        return self.server.path

    @property
    def websocket_path(self) -> str:
        """The path to upgrade.

        Raises:
            NotApplicable: there is none.
        """
        if self.websocket is None:
            raise NotApplicable("No path of this server upgrades to a WebSocket.")
        return self.websocket.path

    def endpoint_of(self, server: Server) -> Endpoint:
        """Return an endpoint of any server of the device; clients verify nothing."""
        with self._lock:
            ports = self._ports.setdefault(
                server.port, itertools.cycle(self.device.ports(server.port))
            )
            port = next(ports)
        return Endpoint(port, self.tls if server.tls else None, headers=self.headers)

    @property
    def tls(self) -> Tls:
        """The TLS options of clients: they verify nothing, and have the profile's certificate."""
        return replace(self.profile.tls, secrets=self.device.tls_secrets)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The fields that each request needs, by the profile."""
        return tuple(self.profile.headers.items())

    def connection(self, stream: ByteStream, timeout: float) -> HttpConnection:
        """Return a client for requests on a connection."""
        return HttpConnection(stream, timeout=timeout, headers=self.headers)

    def request(self, method: str = "GET", headers: Headers = ()) -> bytes:
        """Return a request for the path that is answered, as bytes."""
        return encode_request(method, self.path, headers=with_defaults(headers, self.headers))

    def worded(self, text: str) -> str:
        """Return a text with the guest's ports instead of the host's, which differ each time."""

        def named(found: re.Match[str]) -> str:
            port = self._guests.get(int(found[1]))
            return found[0] if port is None else f"{'port' if found.start() else 'Port'} {port}"

        return _ADDRESS.sub(named, text)

    def with_server(self, server: Server) -> Subject:
        """Return the same device with another server to ask."""
        return Subject(self.device, self.servers, server, None, self.profile, self._booter)

    def accept_restarts(self) -> None:
        """Take what the device did so far, such as a restart, as the check's own doing."""
        self.device.faults.take_unseen()
        self.state = state_of(self.device)

    def others(self) -> list[Server]:
        """Return the device's other HTTP servers."""
        return [each for each in self.servers if each.http and each != self._server]

    def answers(self, server: Server | None = None, timeout: float = ANSWER) -> bool:
        """Return whether a server answers a GET request with a complete response in time."""
        asked = self.server if server is None else server
        endpoint = replace(self.endpoint_of(asked), timeout=timeout)
        try:
            if asked.http:
                endpoint.get(asked.path)
            else:
                endpoint.stream().close()
        except (ClientError, OSError):
            return False
        return True

    def wait_until_served(self, deadline: Deadline) -> list[Server]:
        """Wait until each server answers; return those that do not before the deadline.

        Raises:
            EspbenchError: the device panicked, loops, or QEMU died.
        """
        silent = [each for each in self.servers if each.works]
        self._wait_until_listening({each.port for each in silent}, deadline)
        patience = FIRST
        while silent and not deadline.expired():
            self.device.check()
            silent = [
                each
                for each in silent
                if not self.answers(
                    each,
                    max(
                        0.1,
                        min(patience * (SECURE if each.tls else 1), ANSWER, deadline.remaining()),
                    ),
                )
            ]
            patience *= 2
        return silent

    def _wait_until_listening(self, ports: set[int], deadline: Deadline) -> None:
        """Wait until the device listens on these ports; return at once if nobody can see that."""
        while ports and not deadline.expired():
            self.device.check()
            try:
                ports = ports - {each.port for each in self.device.listeners()}
            except NotInspectable:
                return
            except InspectError:
                pass  # it has not set up its lists yet
            if ports:
                self.device.wait_for_change(LOOK)

    def silent(self, timeout: float = ANSWER) -> list[Server]:
        """Return the servers that do not answer in time."""
        return [each for each in self.servers if each.works and not self.answers(each, timeout)]
