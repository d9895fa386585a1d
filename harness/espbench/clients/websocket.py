# SPDX-License-Identifier: MIT
"""WebSocket clients: `RawWebSocket` can violate RFC 6455, `WebsocketsClient` cannot.

`websockets_client` opens a connection of the `websockets` library.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import struct
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    Ping,
    Pong,
    TextMessage,
)
from wsproto.utilities import RemoteProtocolError

from espbench.clients.errors import ClientTimeout, ConnectionEnded, WebSocketError
from espbench.clients.http import HttpConnection, Response
from espbench.clients.tcp import TIMEOUT, ByteStream, Timeout
from espbench.clients.tls import Tls
from espbench.util.renamed import renamed
from espbench.util.timeouts import Deadline

__all__ = [
    "Closed",
    "Frame",
    "RawWebSocket",
    "WebsocketsClient",
    "accept_of",
    "close_payload",
    "mask",
    "upgrade_headers",
    "websockets_client",
]

if not TYPE_CHECKING:
    __getattr__ = renamed(
        __name__,
        {
            "WebSocket": "RawWebSocket",
            "WellBehaved": "WebsocketsClient",
            "well_behaved": "websockets_client",
        },
    )

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
"""Opcodes (RFC 6455 section 5.2)."""

_OPEN = ConnectionState.OPEN
_ACCEPT_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


@dataclass(frozen=True)
class Frame:
    """A frame to send, valid or not (RFC 6455 section 5.2).

    Attributes:
        length: the payload length to claim, if not the real one.
        length_bytes: size of the extended payload length, 0, 2 or 8, if not the smallest.
    """

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0
    masked: bool = True
    length: int | None = None
    length_bytes: int | None = None

    def encode(self) -> bytes:
        """Return the frame as bytes, masked with a random key."""
        first = self.fin << 7 | self.rsv << 4 | self.opcode
        length = len(self.payload) if self.length is None else self.length
        size = self.length_bytes
        if size is None:
            size = 0 if length < 126 else 2 if length < 65536 else 8
        mask_bit = self.masked << 7
        if size == 0:
            head = struct.pack("!BB", first, mask_bit | length)
        elif size == 2:
            head = struct.pack("!BBH", first, mask_bit | 126, length)
        else:
            head = struct.pack("!BBQ", first, mask_bit | 127, length)
        if not self.masked:
            return head + self.payload
        key = secrets.token_bytes(4)
        return head + key + mask(self.payload, key)


def mask(payload: bytes, key: bytes) -> bytes:
    """Return the payload, masked or unmasked with the key (RFC 6455 section 5.3)."""
    size = len(payload)
    repeated = (key * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return number.to_bytes(size, "big")


def close_payload(code: int, reason: str = "") -> bytes:
    """Return the payload of a close frame (RFC 6455 section 5.5.1)."""
    return struct.pack("!H", code) + reason.encode()


@dataclass(frozen=True)
class Closed:
    """The server's close frame.

    Attributes:
        code: 1005 when the frame had none (RFC 6455 section 7.4.1).
    """

    code: int
    reason: str = ""


def upgrade_headers(key: str | None = None) -> dict[str, str]:
    """Return the headers of an opening handshake (RFC 6455 section 4.1)."""
    return {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key or base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }


def accept_of(key: str) -> str:
    """Return the Sec-WebSocket-Accept for this key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + _ACCEPT_GUID).digest()).decode()


class RawWebSocket:
    """A WebSocket whose frames the caller builds."""

    def __init__(
        self,
        stream: ByteStream,
        path: str = "/ws",
        *,
        headers: dict[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Do the opening handshake.

        Args:
            stream: a fresh connection, plain or TLS.
            path: the endpoint.
            headers: headers to send instead of those of `upgrade_headers`.
            timeout: seconds for each call.

        Raises:
            WebSocketError: the upgrade was refused (see `status`) or the response is invalid.
        """
        self.stream = stream
        self.timeout = timeout
        wanted = upgrade_headers() if headers is None else headers
        http = HttpConnection(stream, timeout=timeout)
        http.send("GET", path, headers=wanted, timeout=timeout)
        answer = _receive_upgrade(http, timeout)
        expected = accept_of(wanted.get("Sec-WebSocket-Key", ""))
        if answer.header("sec-websocket-accept") != expected:
            raise WebSocketError("The device's Sec-WebSocket-Accept does not match the key.")
        self.response = answer
        self._parser = Connection(ConnectionType.CLIENT)
        self._events: list[Event] = []
        self._broken = ""
        if http.left_over:
            self._take(http.left_over)

    def send(self, data: str | bytes) -> None:
        """Send one message in one frame."""
        if isinstance(data, str):
            self.send_frame(Frame(TEXT, data.encode()))
        else:
            self.send_frame(Frame(BINARY, data))

    def send_frame(self, *frames: Frame) -> None:
        """Send these frames in one piece."""
        self.send_bytes(b"".join(frame.encode() for frame in frames))

    def send_bytes(self, data: bytes) -> None:
        """Send raw bytes, which need not be a frame."""
        self.stream.send(data, self.timeout)

    def receive(self, timeout: Timeout = None) -> str | bytes:
        """Return the next complete message.

        Raises:
            WebSocketError: the server closed the WebSocket, or violated the protocol.
            ConnectionEnded: the connection ended without a close frame.
            ClientTimeout: no message came in time.
        """
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        text: list[str] = []
        binary: list[bytes] = []
        while True:
            event = self.next_event(deadline)
            if isinstance(event, CloseConnection):
                raise WebSocketError(
                    f"The device closed the WebSocket with {int(event.code)} {event.reason!r}"
                    " instead of sending a message."
                )
            if isinstance(event, TextMessage):
                text.append(event.data)
            elif isinstance(event, BytesMessage):
                binary.append(bytes(event.data))
            if isinstance(event, Message) and event.message_finished:
                return "".join(text) if isinstance(event, TextMessage) else b"".join(binary)

    def receive_pong(self, timeout: Timeout = None) -> bytes:
        """Return the payload of the next pong; messages before it are discarded."""
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        while True:
            event = self.next_event(deadline)
            if isinstance(event, Pong):
                return bytes(event.payload)
            if isinstance(event, CloseConnection):
                raise WebSocketError(f"The device closed with {int(event.code)}, without a pong.")

    def receive_close(self, timeout: Timeout = None) -> Closed:
        """Return the server's close frame; messages before it are discarded.

        Raises:
            ConnectionEnded: the connection ended without a close frame.
        """
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        while True:
            event = self.next_event(deadline)
            if isinstance(event, CloseConnection):
                return Closed(int(event.code), event.reason or "")

    def receive_ping(self, timeout: Timeout = None) -> bytes:
        """Return the payload of the server's next ping, without answering it."""
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        while True:
            event = self.next_event(deadline)
            if isinstance(event, Ping):
                return bytes(event.payload)

    def wait_until_gone(self, timeout: Timeout = None) -> None:
        """Wait until the server has ended the underlying connection."""
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        with contextlib.suppress(ConnectionEnded):
            while self.stream.receive(deadline):
                pass

    def close(self, code: int = 1000, reason: str = "") -> Closed:
        """Close the WebSocket (RFC 6455 section 7.1.1); return the server's close frame."""
        try:
            self.send_frame(Frame(CLOSE, close_payload(code, reason)))
            answer = self.receive_close()
            self.wait_until_gone()
        finally:
            self.stream.close()
        return answer

    def next_event(self, timeout: Timeout = None) -> Event:
        """Return the next event: a piece of a message, a ping, a pong or a close.

        Raises:
            WebSocketError: the server violated the protocol.
            ConnectionEnded: the connection ended.
            ClientTimeout: nothing came in time.
        """
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        while not self._events:
            if self._broken:
                raise WebSocketError(f"The device broke RFC 6455: {self._broken}.")
            data = self.stream.receive(deadline)
            if not data:
                raise ConnectionEnded(
                    "The device ended the connection without a close frame.", reset=False
                )
            self._take(data)
        return self._events.pop(0)

    def _take(self, data: bytes) -> None:
        self._parser.receive_data(data)
        try:
            for event in self._parser.events():
                # wsproto reports an invalid frame as if the server had closed the WebSocket.
                if isinstance(event, CloseConnection) and self._parser.state is _OPEN:
                    self._broken = event.reason or "an invalid frame"
                    return
                self._events.append(event)
        except RemoteProtocolError as error:
            self._broken = str(error)

    def __enter__(self) -> Self:
        """Return the WebSocket."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the WebSocket with 1000, or only the connection after an exception."""
        if kind is None:
            self.close()
        else:
            self.stream.close()


def _receive_upgrade(http: HttpConnection, timeout: Timeout) -> Response:
    """Return the 101 response; raise `WebSocketError` for any other."""
    answer = http.receive_upgrade(timeout)
    if answer.status != 101:
        raise WebSocketError(
            f"The device refused the WebSocket with {answer.status} {answer.reason}.",
            status=answer.status,
        )
    return answer


class WebsocketsClient:
    """A WebSocket of the `websockets` library, with our deadlines and errors."""

    def __init__(self, opening: AbstractContextManager[ClientConnection], timeout: float) -> None:
        """Open the connection; `timeout` is in seconds for each call."""
        self.timeout = timeout
        self._open = contextlib.ExitStack()
        self.connection = self._open.enter_context(opening)

    def send(self, data: str | bytes) -> None:
        """Send one message."""
        try:
            self.connection.send(data)
        except WebSocketException as error:
            raise WebSocketError(f"The message could not be sent: {error}.") from None

    def receive(self, timeout: Timeout = None) -> str | bytes:
        """Return the next message."""
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        try:
            while True:
                try:
                    return self.connection.recv(deadline.remaining())
                except TimeoutError:
                    if deadline.expired():
                        break
        except WebSocketException as error:
            raise WebSocketError(f"No WebSocket message came: {error}.") from None
        raise ClientTimeout(f"No WebSocket message came within {deadline}.")

    def echo(self, data: str | bytes) -> str | bytes:
        """Send a message and return the next one received."""
        self.send(data)
        return self.receive()

    def messages(self, count: int) -> Iterator[str | bytes]:
        """Yield this many messages."""
        for _ in range(count):
            yield self.receive()

    def close(self) -> int:
        """Close with 1000; return the server's close code."""
        self._open.close()
        return self.connection.close_code or 1006

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def websockets_client(
    url: str,
    tls: Tls | None = None,
    timeout: float = TIMEOUT,
    *,
    headers: Sequence[tuple[str, str]] = (),
) -> WebsocketsClient:
    """Open a WebSocket with the `websockets` library.

    Args:
        url: ``ws://`` or ``wss://``.
        tls: TLS options, for ``wss://``.
        timeout: seconds for each call.
        headers: further fields of the upgrade request.

    Raises:
        WebSocketError: the upgrade failed.
        ConnectionEnded: the connection was refused or ended.
        ClientTimeout: the WebSocket was not open in time.
    """
    deadline = Deadline(timeout)
    try:
        opening = connect(
            url,
            ssl=tls.context() if tls else None,
            server_hostname=tls.server_name if tls else None,
            open_timeout=deadline.remaining(),
            close_timeout=deadline.remaining(),
            compression=None,
            additional_headers=headers,
            ping_interval=None,
            proxy=None,
            max_size=None,
        )
        return WebsocketsClient(opening, timeout)
    except TimeoutError:
        raise ClientTimeout(f"{url} was not open within {deadline}.") from None
    except WebSocketException as error:
        raise WebSocketError(f"{url} could not be opened: {error}.") from None
    except OSError as error:
        raise ConnectionEnded(f"{url} could not be opened: {error}.", reset=True) from None
