# SPDX-License-Identifier: MIT
"""`Subject`: how it waits for a device that boots."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.device.device import Device
from espbench.errors import InspectError, NotInspectable
from espbench.util.timeouts import Deadline
from fake_device import FakeDevice, listening

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass
class LateServer:
    """Answers the requests of every connection but the first ones."""

    swallowed: int
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        with self.lock:
            self.connections += 1
            silent = self.connections <= self.swallowed
        while connection.recv(4096):
            if not silent:
                connection.sendall(ANSWER)


class BootingDevice(FakeDevice):
    """A device whose listeners appear after some looks, or cannot be seen at all."""

    def __init__(self, port: int, looks: list[list[int] | Exception]) -> None:
        super().__init__(port)
        self.looks = looks

    def listeners(self) -> list[SimpleNamespace]:
        """Return what listens now."""
        now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(now, Exception):
            raise now
        return [SimpleNamespace(port=port) for port in now]

    def check(self) -> None:
        """It has not panicked."""

    def wait_for_change(self, seconds: float) -> None:
        """Nothing changes on its console."""


def booting(port: int, *looks: list[int] | Exception) -> Subject:
    """Return a subject whose device boots."""
    return Subject(
        cast("Device", BootingDevice(port, list(looks))), [Server(80, http=True, status=200)]
    )


def test_a_lost_first_connection() -> None:
    """A device that lost the first connection is asked again long before slirp repeats the SYN."""
    server = LateServer(1)
    with listening(server.serve) as port:
        subject = booting(port, NotInspectable("there is no ELF file"))
        assert subject.wait_until_served(Deadline(5)) == []
    assert server.connections == 2


@pytest.mark.parametrize("first", [[], [443], InspectError("its lists are not set up")])
def test_nothing_is_sent_before_it_listens(first: list[int] | Exception) -> None:
    """Where listeners can be seen, the first connection comes when the port is among them."""
    server = LateServer(0)
    with listening(server.serve) as port:
        subject = booting(port, first, first, [80, 443])
        assert subject.wait_until_served(Deadline(5)) == []
        assert cast("BootingDevice", subject.device).looks == [[80, 443]]
    assert server.connections == 1
