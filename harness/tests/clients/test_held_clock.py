# SPDX-License-Identifier: MIT
"""While a debugger holds the guest, no client times out, though the guest does not answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from espbench.clients.errors import ClientTimeout
from espbench.clients.tcp import Stream
from espbench.clients.websocket import WebsocketsClient
from espbench.device.console.serial_port import SerialPort
from espbench.errors import ConsoleTimeout
from espbench.util.timeouts import Clock, Deadline

SHORT, LONG = 0.05, 0.3
"""Seconds of a deadline, and until the peer answers."""


@pytest.fixture
def clock() -> Clock:
    """Return a clock that is held."""
    clock = Clock()
    clock.hold("debugger")
    return clock


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return two connected sockets."""
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def fill(near: socket.socket) -> None:
    """Send until the other end takes no more."""
    near.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while near.send(bytes(65536)):
            pass


def drain(far: socket.socket) -> None:
    """Read everything that has arrived."""
    far.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while far.recv(1 << 20):
            pass


def test_receiving(clock: Clock, pair: tuple[socket.socket, socket.socket]) -> None:
    """A byte may come long after the time-out; when the guest runs on, the time-out counts."""
    near, far = pair
    deadline = Deadline(SHORT, clock=clock)
    threading.Timer(LONG, far.send, [b"late"]).start()
    assert Stream(near).receive(deadline) == b"late"
    clock.release("debugger")
    with pytest.raises(ClientTimeout, match="did not send anything more within"):
        Stream(near).receive(deadline)


def test_sending(clock: Clock, pair: tuple[socket.socket, socket.socket]) -> None:
    """The same for a peer that reads late."""
    near, far = pair
    fill(near)
    deadline = Deadline(SHORT, clock=clock)
    reader = threading.Timer(LONG, drain, [far])
    reader.start()
    Stream(near).send(b"all of it", deadline)
    reader.join()  # it may still be draining what `fill` sends
    fill(near)
    clock.release("debugger")
    with pytest.raises(ClientTimeout, match="did not take anything more within"):
        Stream(near).send(bytes(1 << 20), deadline)


def test_websockets(clock: Clock) -> None:
    """The same for a message."""

    class Connection:
        calls = 0

        def recv(self, _timeout: float) -> str:
            self.calls += 1
            if self.calls == 3:
                return "late"
            raise TimeoutError

    opening: Any = contextlib.nullcontext(Connection())
    client = WebsocketsClient(opening, 5)
    assert client.receive(Deadline(SHORT, clock=clock)) == "late"
    clock.release("debugger")
    with pytest.raises(ClientTimeout, match="No WebSocket message came within"):
        client.receive(Deadline(0, clock=clock))


def test_the_serial_line(clock: Clock, pair: tuple[socket.socket, socket.socket]) -> None:
    """The same for a guest that does not read its UART."""
    near, far = pair
    fill(near)
    line = SerialPort(lambda: None)
    line.attach(near)
    deadline = Deadline(SHORT, clock=clock)
    reader = threading.Timer(LONG, drain, [far])
    reader.start()
    line.send(b"typed", deadline)
    reader.join()  # it may still be draining what `fill` sends
    fill(near)
    clock.release("debugger")
    with pytest.raises(ConsoleTimeout, match="did not read"):
        line.send(b"typed", deadline)
