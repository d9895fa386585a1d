# SPDX-License-Identifier: MIT
"""The relay between clients and a stand-in for the emulator: what one end does, the other sees."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from espbench.tcprelay import TcpRelay
from espbench.util.timeouts import Deadline

HERE = "127.0.0.1"
SECONDS = 20.0
"""For what happens at once."""
SIZE = 24 << 20
"""Bytes that no kernel keeps for one connection."""
MOST = 1 << 20
"""Bytes that two small sockets, and the relay between them, may keep."""
STUCK = 0.5
"""Seconds without progress after which nothing more is taken."""


@pytest.fixture
def emulator() -> Iterator[socket.socket]:
    """Return a listener as slirp's: with a backlog of one."""
    with socket.create_server((HERE, 0), backlog=1) as listener:
        listener.settimeout(SECONDS)
        yield listener


@pytest.fixture
def relay() -> Iterator[TcpRelay]:
    """Return a relay."""
    relay = TcpRelay()
    yield relay
    relay.close()


@pytest.fixture
def connect(relay: TcpRelay, emulator: socket.socket) -> Iterator[Callable[[], socket.socket]]:
    """Return a function that returns a new client's socket."""
    port = relay.listen(HERE, 0, [emulator.getsockname()[1]])
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection((HERE, port), SECONDS))


@pytest.fixture
def ends(
    connect: Callable[[], socket.socket], emulator: socket.socket
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Return a client's socket and the emulator's."""
    client = connect()
    device, _ = emulator.accept()
    device.settimeout(SECONDS)
    with device:
        yield client, device


def abort(sock: socket.socket) -> None:
    """Close it with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def everything(sock: socket.socket) -> tuple[bytes, str]:
    """Return what arrives, and how it ends."""
    data = b""
    try:
        while piece := sock.recv(65536):
            data += piece
    except (ConnectionResetError, BrokenPipeError):
        return data, "RST"
    return data, "FIN"


def reset_seen(sock: socket.socket) -> bool:
    """Wait until the kernel knows that the peer has reset a connection; no byte is sent."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        deadline = Deadline(SECONDS)
        while not deadline.expired():
            selector.select(deadline.remaining())
            if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return True
    return False


def test_many_at_once(relay: TcpRelay) -> None:
    """All clients are connected while the emulator has not accepted any."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server((HERE, 0), backlog=1)) for _ in range(2)
        ]
        port = relay.listen(HERE, 0, [server.getsockname()[1] for server in servers])
        clients = [
            stack.enter_context(socket.create_connection((HERE, port), SECONDS)) for _ in range(64)
        ]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number)
            client.shutdown(socket.SHUT_WR)
        got: set[tuple[bytes, str]] = set()
        with selectors.DefaultSelector() as selector:
            for server in servers:
                selector.register(server, selectors.EVENT_READ)
            while len(got) < len(clients):
                for key, _ in selector.select():
                    assert isinstance(key.fileobj, socket.socket)
                    device, _ = key.fileobj.accept()
                    with device:
                        device.settimeout(SECONDS)
                        got.add(everything(device))
        assert got == {(b"%d" % number, "FIN") for number in range(len(clients))}


@pytest.mark.parametrize("swapped", [False, True], ids=["client", "device"])
class TestEnds:
    """How one end ends, and what the other sees of it."""

    def test_half_close(self, ends: tuple[socket.socket, socket.socket], swapped: bool) -> None:
        """A FIN ends one direction only."""
        one, other = reversed(ends) if swapped else ends
        one.sendall(b"question")
        one.shutdown(socket.SHUT_WR)
        assert everything(other) == (b"question", "FIN")
        other.sendall(b"answer")
        other.close()
        assert everything(one) == (b"answer", "FIN")

    def test_reset(self, ends: tuple[socket.socket, socket.socket], swapped: bool) -> None:
        """A RST arrives as a RST, behind the bytes before it."""
        one, other = reversed(ends) if swapped else ends
        one.sendall(b"half a mess")
        assert other.recv(65536) == b"half a mess"
        abort(one)
        assert everything(other) == (b"", "RST")

    def test_reset_after_a_fin(
        self, ends: tuple[socket.socket, socket.socket], swapped: bool
    ) -> None:
        """A RST arrives although a FIN came before it, and nothing was sent since."""
        one, other = reversed(ends) if swapped else ends
        one.sendall(b"bye")
        one.shutdown(socket.SHUT_WR)
        assert everything(other) == (b"bye", "FIN")
        abort(one)
        assert reset_seen(other)

    def test_reset_of_a_sender_that_is_held_back(
        self, ends: tuple[socket.socket, socket.socket], swapped: bool
    ) -> None:
        """The bytes that the relay took are delivered, then the RST."""
        one, other = reversed(ends) if swapped else ends
        sent = flood(one)
        abort(one)
        data, how = everything(other)
        assert how == "RST"
        assert 0 < len(data) <= sent

    def test_unread_bytes(self, ends: tuple[socket.socket, socket.socket], swapped: bool) -> None:
        """An end that closes with bytes unread resets the connection, as TCP demands."""
        one, other = reversed(ends) if swapped else ends
        other.sendall(b"unread")
        with selectors.DefaultSelector() as selector:
            selector.register(one, selectors.EVENT_READ)
            assert selector.select(SECONDS)
        one.close()
        assert everything(other) == (b"", "RST")

    def test_backpressure(self, ends: tuple[socket.socket, socket.socket], swapped: bool) -> None:
        """The relay keeps little of what is not read, and loses none of it."""
        one, other = reversed(ends) if swapped else ends
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sent = flood(one)
        assert sent < MOST
        data = bytearray()
        while len(data) < sent:
            data += other.recv(65536)
        one.shutdown(socket.SHUT_WR)
        assert everything(other) == (b"", "FIN")
        assert bytes(data) == (bytes(range(256)) * (SIZE // 256))[:sent]


def flood(sock: socket.socket) -> int:
    """Send until nothing more is taken; return the number of bytes."""
    data = memoryview(bytes(range(256)) * (SIZE // 256))
    sock.settimeout(STUCK)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < len(data):
            sent += sock.send(data[sent : sent + 65536])
    sock.settimeout(SECONDS)
    return sent


def test_pieces(ends: tuple[socket.socket, socket.socket]) -> None:
    """Each piece is passed on at once; the relay does not wait for more."""
    client, device = ends
    for number in range(100):
        client.sendall(b"%3d" % number)
        assert device.recv(65536) == b"%3d" % number
        device.sendall(b"ok")
        assert client.recv(65536) == b"ok"


def test_an_urgent_byte(ends: tuple[socket.socket, socket.socket]) -> None:
    """It stays where it is in the stream, as in slirp."""
    client, device = ends
    client.send(b"ab", socket.MSG_OOB)
    client.sendall(b"c")
    client.shutdown(socket.SHUT_WR)
    assert everything(device) == (b"abc", "FIN")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127/8")
def test_the_source_port(relay: TcpRelay, emulator: socket.socket) -> None:
    """The emulator sees the client's port; two clients that share one have different ones there."""
    port = relay.listen("0.0.0.0", 0, [emulator.getsockname()[1]])
    with contextlib.ExitStack() as stack:
        seen = []
        source = 0
        for address in (HERE, "127.0.0.9"):
            client = stack.enter_context(socket.socket())
            client.bind((address, source))
            client.connect((HERE, port))
            source = client.getsockname()[1]
            device, found = emulator.accept()
            stack.enter_context(device)
            seen.append(found[1])
        assert seen[0] == source
        assert seen[1] != source


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127/8")
def test_a_source_port_again(relay: TcpRelay, emulator: socket.socket) -> None:
    """A client may use its port again at once, while the connection before is in TIME-WAIT."""
    port = relay.listen(HERE, 0, [emulator.getsockname()[1]])
    source = 0
    for _ in range(3):
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind((HERE, source))
            client.settimeout(SECONDS)
            client.connect((HERE, port))
            source = client.getsockname()[1]
            device, _ = emulator.accept()
            with device:
                device.sendall(b"hello")
            assert everything(client) == (b"hello", "FIN")


def test_a_port_that_refuses(connect: Callable[[], socket.socket], emulator: socket.socket) -> None:
    """If the emulator no longer listens, a client is reset, and the next one is refused."""
    emulator.close()
    with contextlib.suppress(ConnectionResetError):  # it may come before `connect` returns
        assert everything(connect()) == (b"", "RST")
    with pytest.raises(ConnectionRefusedError):
        connect()


@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open(2)")
def test_the_end_of_the_emulator() -> None:
    """When its process ends, the relay's port refuses clients as the emulator's would."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        relay = TcpRelay(process.pid)
        try:
            port = relay.listen(HERE, 0, [1])
            process.kill()
            process.wait()
            deadline = Deadline(SECONDS)
            with pytest.raises(ConnectionRefusedError):  # noqa: PT012 (it may take a moment)
                while not deadline.expired():
                    with socket.create_connection((HERE, port), SECONDS) as client:
                        everything(client)
        finally:
            relay.close()


def test_close(relay: TcpRelay, ends: tuple[socket.socket, socket.socket]) -> None:
    """It passes on what has arrived, ends its connections and its thread, and frees its port."""
    client, device = ends
    port = client.getpeername()[1]
    device.sendall(b"last words")
    device.shutdown(socket.SHUT_WR)
    relay.close()
    assert everything(client) == (b"last words", "FIN")
    assert everything(device)[1] == "RST"
    assert not any(thread.name == "espbench-tcprelay" for thread in threading.enumerate())
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind((HERE, port))


def test_a_port_in_use(relay: TcpRelay, emulator: socket.socket) -> None:
    """Another program's port is not taken from it."""
    with pytest.raises(OSError, match="in use"):
        relay.listen(HERE, emulator.getsockname()[1], [1])
