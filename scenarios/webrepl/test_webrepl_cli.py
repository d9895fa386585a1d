# SPDX-License-Identifier: MIT
"""MicroPython's webrepl_cli.py, which speaks less of WebSocket than RFC 6455 requires.

The client here sends the bytes that webrepl_cli.py of micropython/webrepl sends (its
websocket_helper.py opens the connection), in the same pieces, and reads as strictly as it does: it
ignores the handshake's response, skips frames that it does not expect, and wants each part of an
answer to be in one frame. It connects to the path `/` and cannot be told another one.
"""

from __future__ import annotations

import json
import struct

import pytest
from espbench.clients import Endpoints, Frame, WebRepl, WebSocketError
from espbench.clients.tcp import Stream
from espbench.clients.websocket import TEXT
from espbench.device.device import Device

from .clients import PASSWORD, WRONG, content

HANDSHAKE = (
    b"GET / HTTP/1.1\r\n"
    b"Host: echo.websocket.org\r\n"
    b"Connection: Upgrade\r\n"
    b"Upgrade: websocket\r\n"
    b"Sec-WebSocket-Key: foo\r\n"
    b"\r\n"
)
PUT, GET, VERSION = 1, 2, 3
PIECE = 1024
"""Bytes of a file in each of its frames."""
CONFIG = json.dumps({"webrepl": {"password": PASSWORD, "webrepl_cli": True}})
pytestmark = pytest.mark.device(files={"/config.json": CONFIG})


class WebreplCli:
    """A connection of webrepl_cli.py."""

    def __init__(self, port: int) -> None:
        """Connect and send the handshake; the response is skipped, whatever it says."""
        self.stream = Stream.connect(port)
        self._received = b""
        self._message = b""
        self.stream.send(HANDSHAKE)
        while self._line() != b"\r\n":
            pass

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            line += self._exactly(1)
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            piece = self.stream.receive()
            assert piece, f"the device closed the connection behind {self._received!r}"
            self._received += piece
        data, self._received = self._received[:size], self._received[size:]
        return data

    def write(self, data: bytes) -> None:
        """Send a frame without a mask: its header, and then its data."""
        short = len(data) < 126
        self.stream.send(
            bytes([0x82, len(data)]) if short else struct.pack(">BBH", 0x82, 126, len(data))
        )
        self.stream.send(data)

    def read(self, size: int, *, text: bool = False) -> bytes:
        """Return part of a message, which must have that much left; skip other frames."""
        while not self._message:
            kind, length = self._exactly(2)
            if length == 126:
                length = int.from_bytes(self._exactly(2), "big")
            data = self._exactly(length)
            if kind == 0x82 or (text and kind == 0x81):
                self._message = data
        data, self._message = self._message[:size], self._message[size:]
        assert len(data) == size
        return data

    def log_in(self, password: str) -> None:
        """Send the password behind the prompt."""
        said = b""
        while not said.endswith(b":"):
            said += self.read(1, text=True)
        assert said == b"Password:"
        assert self.read(1, text=True) == b" "
        self.write(password.encode() + b"\r")

    def request(self, operation: int, name: str = "", size: int = 0) -> bytes:
        """Return a request's 82 bytes."""
        return struct.pack("<2sBBQLH64s", b"WA", operation, 0, 0, size, len(name), name.encode())

    def succeed(self) -> None:
        """Read the answer that there was no error."""
        assert struct.unpack("<2sH", self.read(4)) == (b"WB", 0)

    def version(self) -> bytes:
        """Ask for the version; return its three bytes."""
        self.write(self.request(VERSION))
        return self.read(3)

    def put(self, name: str, data: bytes) -> None:
        """Send a file."""
        record = self.request(PUT, name, len(data))
        self.write(record[:10])
        self.write(record[10:])
        self.succeed()
        for at in range(0, len(data), PIECE):
            self.write(data[at : at + PIECE])
        self.succeed()

    def get(self, name: str) -> bytes:
        """Return a file."""
        self.write(self.request(GET, name))
        self.succeed()
        data = b""
        while True:
            self.write(b"\0")
            size = int.from_bytes(self.read(2), "little")
            if size == 0:
                break
            data += self.read(size)
        self.succeed()
        return data


class TestEnabled:
    """With `webrepl_cli=True`."""

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 1024, 1025, 5000])
    def test_a_file(self, size: int, shared_device: Device, endpoints: Endpoints) -> None:
        """A file is sent and fetched, each on a connection of its own that ends without a Close."""
        with shared_device.no_leak():
            for put in (True, False):
                cli = WebreplCli(endpoints.http.port)
                cli.log_in(PASSWORD)
                assert len(cli.version()) == 3
                if put:
                    cli.put("/cli.bin", content(size))
                else:
                    assert cli.get("/cli.bin") == content(size)
                cli.stream.close()
        assert shared_device.get("/cli.bin") == content(size)
        shared_device.exec("import os\nos.remove('/cli.bin')")

    def test_a_wrong_password(self, endpoints: Endpoints) -> None:
        """It is refused as everywhere; the client is told, and disconnected."""
        cli = WebreplCli(endpoints.http.port)
        cli.log_in(WRONG)
        assert cli.read(17, text=True) == b"\r\nAccess denied\r\n"
        cli.stream.finish()
        assert not cli.stream.wait_until_gone()
        cli.stream.close()

    @pytest.mark.failures("ws_protocol")
    @pytest.mark.parametrize("path", ["/webrepl", "/ws"])
    def test_the_other_endpoints_are_strict(self, path: str, endpoints: Endpoints) -> None:
        """Each of them refuses such a handshake, and such frames."""
        with Stream.connect(endpoints.http.port) as stream:
            stream.send(HANDSHAKE.replace(b"GET /", b"GET " + path.encode()))
            assert stream.receive().startswith(b"HTTP/1.1 426 ")
        websocket = endpoints.http.websocket(path)
        websocket.send_frame(Frame(TEXT, b"hello", masked=False))
        assert websocket.receive_close().code == 1002
        websocket.stream.close()

    def test_what_else_is_at_its_path(self, endpoints: Endpoints) -> None:
        """The page is still there, and a client that follows RFC 6455 gets the same WebREPL."""
        assert endpoints.http.get("/").status == 200
        for endpoint in (endpoints.http, endpoints.https):
            with endpoint.websockets_client("/") as socket:
                assert WebRepl(socket, PASSWORD).line("6 * 7") == "42\n"
        with endpoints.http.websockets_client("/webrepl") as socket:
            assert WebRepl(socket, PASSWORD).line("6 * 7") == "42\n"

    @pytest.mark.failures("peer_reset")
    def test_one_that_vanishes_at_the_prompt(
        self, shared_device: Device, endpoints: Endpoints
    ) -> None:
        """It takes no memory with it."""
        with shared_device.no_leak():
            for _ in range(5):
                cli = WebreplCli(endpoints.http.port)
                cli.read(1, text=True)
                cli.stream.reset()


@pytest.mark.failures("ws_protocol", "peer_reset")  # a client may close before it has read all
def test_it_is_an_option(shared_device: Device, endpoints: Endpoints) -> None:
    """`/` is an endpoint only with this option; `start` and `stop` add and remove it."""

    def refused(path: str) -> bool:
        try:
            endpoints.http.websocket(path).stream.close()
        except WebSocketError as error:
            return error.status in (200, 404)
        return False

    def get(path: str) -> bytes:
        cli = WebreplCli(endpoints.http.port)
        cli.log_in(PASSWORD)
        try:
            return cli.get(path)
        finally:
            cli.stream.close()

    shared_device.put("/cli.txt", "hello")
    shared_device.exec(f"import webrepl\nwebrepl.start({PASSWORD!r})")
    try:
        assert refused("/")
        with shared_device.no_leak():
            shared_device.exec(f"webrepl.start({PASSWORD!r}, webrepl_cli=True)")
            assert get("/cli.txt") == b"hello"
            assert not refused("/webrepl")
            shared_device.exec(f"webrepl.start({PASSWORD!r}, '/', webrepl_cli=True)")
            assert get("/cli.txt") == b"hello"
            assert refused("/webrepl")
            shared_device.exec(f"webrepl.start({PASSWORD!r}, '/')")
            with pytest.raises(WebSocketError) as strict:
                endpoints.http.websocket("/", headers={"Upgrade": "websocket"})
            assert strict.value.status == 400
            shared_device.exec("webrepl.stop()")
            assert refused("/")
            shared_device.exec(f"webrepl.start({PASSWORD!r})")
            assert refused("/")
            assert not refused("/webrepl")
    finally:
        shared_device.exec(f"webrepl.start({PASSWORD!r}, webrepl_cli=True)")
        shared_device.exec("import os\nos.remove('/cli.txt')")
