# SPDX-License-Identifier: MIT
"""The parts of a lab's emulated board, without labgrid."""

from __future__ import annotations

import contextlib
import queue
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import serial
from at_once import repeated_segments
from espbench.boards.builtin import BOARDS
from espbench.errors import QemuError
from espbench.interactive import up
from espbench.lab.console_server import BACKLOG, ConsoleServer
from espbench.lab.power_server import PowerServer
from espbench.lab.unit import Unit

LOOPBACK = "127.0.0.1"
TEXT = b"somebody else's firmware\r\nready\r\n"


@pytest.fixture
def typed() -> queue.Queue[bytes]:
    """Return the queue of the clients' input."""
    return queue.Queue()


@pytest.fixture
def console(typed: queue.Queue[bytes]) -> Iterator[ConsoleServer]:
    """Return a console server."""
    console = ConsoleServer(LOOPBACK, typed.put)
    yield console
    console.close()


# IAC WILL ECHO, WILL SUPPRESS-GO-AHEAD, DO TRANSMIT-BINARY, WILL COM-PORT-OPTION
GREETING = b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x00\xff\xfb\x2c"
# The negotiation of microcom 2019.01: COM-PORT-OPTION with 115200 Bd and no flow control.
MICROCOM = b"\xff\xfb,\xff\xfd,\xff\xfa,\x01\x00\x01\xc2\x00\xff\xf0\xff\xfa,\x05\x01\xff\xf0"


def connect(port: int) -> socket.socket:
    """Return a connection that the server has greeted."""
    client = socket.create_connection((LOOPBACK, port), timeout=10)
    assert read(client, len(GREETING)) == GREETING
    return client


def read(client: socket.socket, size: int) -> bytes:
    """Read exactly `size` bytes."""
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        assert piece, data
        data += piece
    return data


def test_console(console: ConsoleServer, typed: queue.Queue[bytes]) -> None:
    """The first client gets the boot, all clients get later text, and their input arrives."""
    console.feed(b"boot\r\n")
    with connect(console.port) as one:
        assert read(one, 6) == b"boot\r\n"
        with connect(console.port) as two:
            two.sendall(b"help\r")
            assert typed.get(timeout=10) == b"help\r"
            console.feed(b">>> ")
            assert read(one, 4) == read(two, 4) == b">>> "


def test_microcom(console: ConsoleServer, typed: queue.Queue[bytes]) -> None:
    """The board gets only the typed text from `labgrid-client console`, not the negotiation."""
    with connect(console.port) as client:
        for byte in MICROCOM + b"help\r":  # in pieces of one byte
            client.sendall(bytes([byte]))
        got = b""
        while not got.endswith(b"\r"):
            got += typed.get(timeout=10)
        assert got == b"help\r"


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning:serial.rfc2217")
def test_serial_over_the_network(console: ConsoleServer, typed: queue.Queue[bytes]) -> None:
    """pyserial, which labgrid's SerialDriver uses, can send and receive every byte value."""
    every = bytes(range(256))
    with serial.serial_for_url(f"rfc2217://{LOOPBACK}:{console.port}", timeout=10) as port:
        port.write(every)
        got = b""
        while len(got) < len(every):
            got += typed.get(timeout=10)
        assert got == every
        console.feed(every)
        assert port.read(len(every)) == every


def test_client_that_reads_nothing(console: ConsoleServer) -> None:
    """A client that lags too far behind is disconnected; the others get everything."""
    with connect(console.port) as good, socket.socket() as lazy:
        lazy.settimeout(10)
        lazy.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
        )  # by default it would hold megabytes
        lazy.connect((LOOPBACK, console.port))
        assert read(lazy, len(GREETING)) == GREETING  # wait until it has been accepted
        console.feed(b"x")
        assert read(good, 1) == read(lazy, 1) == b"x"
        piece = bytes(64 * 1024)
        # The kernel's buffers take up to four megabytes before the backlog begins to grow.
        for _ in range(12 * BACKLOG // len(piece)):
            console.feed(piece)
            assert read(good, len(piece)) == piece
        received = 1
        with contextlib.suppress(ConnectionResetError):
            while piece := lazy.recv(1024 * 1024):
                received += len(piece)
        assert received < 12 * BACKLOG


def ask(port: int, body: bytes | None = None) -> bytes:
    """Return the response of a power switch."""
    method = "GET" if body is None else "PUT"
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}/power/0", body, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return bytes(answer.read())


def test_power() -> None:
    """The switch reports its state, accepts 0 and 1, and rejects anything else."""
    state = {"on": False}

    def switch(on: bool) -> None:
        if not on:
            raise QemuError("It does not end.\nMore.")
        state["on"] = on

    server = PowerServer(LOOPBACK, lambda: state["on"], switch)
    try:
        assert ask(server.port) == b"0"
        assert ask(server.port, b"1") == b"1"
        assert ask(server.port) == b"1"
        for body, said in (
            (b"on", "HTTP Error 400: PUT 1 to switch the board on, or 0 to switch it off."),
            (b"0", "HTTP Error 500: It does not end."),
        ):
            with pytest.raises(urllib.error.HTTPError) as error:
                ask(server.port, body)
            error.value.close()
            assert str(error.value) == said
    finally:
        server.close()


def test_unit(tiny_firmware: Callable[[], Path]) -> None:
    """A unit runs from its first user to its last, and its ports survive power cycles.

    It cannot open connections, and each lease has a different password.
    """
    unit = Unit("it", up.UpOptions(BOARDS["lx60"], tiny_firmware(), {}), LOOPBACK)
    assert not unit.is_on()
    unit.acquire()
    unit.acquire()
    try:
        ports = unit.ports
        assert ports is not None
        assert sorted(ports.servers) == ["http", "https"]
        first = ports.password
        (command,) = (
            process.cmdline()
            for process in psutil.Process().children(recursive=True)
            if "qemu" in process.name()
        )
        assert any("restrict=on" in word for word in command)
        assert not any(str(first) in word for word in command)
        with connect(ports.console) as client:
            assert read(client, len(TEXT)) == TEXT
            assert ask(ports.power, b"0") == b"0"
            assert ask(ports.power) == b"0"
            client.sendall(b"nobody reads this")
            assert ask(ports.power, b"1") == b"1"
            assert read(client, len(TEXT)) == TEXT
        assert unit.ports == ports
        assert [repeated_segments(port) for port in ports.servers.values()] == [0, 0]
        unit.release()
        assert ask(ports.power) == b"1"
    finally:
        unit.release()
    with pytest.raises(ConnectionRefusedError):
        connect(ports.console)
    unit.acquire()
    try:
        again = unit.ports
        assert again is not None
        assert first is not None
        assert again.password not in (None, first)
    finally:
        unit.release()
