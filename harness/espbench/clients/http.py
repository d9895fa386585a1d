# SPDX-License-Identifier: MIT
"""An HTTP/1.1 client that sends requests unchecked; h11 parses the responses (RFC 9112)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import h11

from espbench.clients.errors import ConnectionEnded, HttpError
from espbench.clients.tcp import TIMEOUT, ByteStream, Timeout
from espbench.util.timeouts import Deadline

__all__ = [
    "NOT_HTTP",
    "Headers",
    "HttpConnection",
    "Response",
    "chunked",
    "encode_request",
    "with_defaults",
]

NOT_HTTP = "The device's response is not HTTP/1.1: "
"""How the message of an `HttpError` begins if a response cannot be parsed."""
QUOTED = 60
"""Characters of a response that an error shows at most."""
_BYTES = re.compile(r"(?:bytearray\()?\bb(['\"])(.*)\1\)?", re.DOTALL)

Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Response:
    """An HTTP response.

    Attributes:
        headers: pairs of name, in lower case, and value.
        informational: status of each preceding 1xx response (RFC 9110 section 15.2).
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    http_version: str = "1.1"
    informational: tuple[int, ...] = field(default=())

    def header(self, name: str) -> str | None:
        """Return the value of the first header of this name (in any case), or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the body, parsed as JSON."""
        return json.loads(self.body)

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection is persistent (RFC 9112 section 9.3)."""
        connection = (self.header("connection") or "").lower()
        return "close" not in connection and self.http_version == "1.1"


class HttpConnection:
    """HTTP over one persistent connection, plain or TLS."""

    def __init__(
        self,
        stream: ByteStream,
        host: str = "espbench.test",
        timeout: float = TIMEOUT,
        headers: Headers = (),
    ) -> None:
        """Use this connection.

        Args:
            stream: the connection, plain or TLS.
            host: value of the Host header.
            timeout: seconds (before scaling) for each call.
            headers: what each request has, unless it has a field of the same name.
        """
        self.stream = stream
        self.headers = headers
        self.timeout = timeout
        self.host = host
        self._left_over = b""

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Headers = (),
        timeout: Timeout = None,
    ) -> Response:
        """Send a request and return its response.

        Raises:
            HttpError: the response is not valid HTTP/1.1.
            ConnectionEnded: the connection ended before the response was complete.
            ClientTimeout: the response was not complete in time.
        """
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        self.send(method, target, body, headers, deadline)
        return self.receive(method, deadline)

    def get(self, target: str, timeout: Timeout = None) -> Response:
        """Return the response to a GET request."""
        return self.request("GET", target, timeout=timeout)

    def send(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Headers = (),
        timeout: Timeout = None,
    ) -> None:
        """Send a request without waiting for its response."""
        fields = with_defaults(headers, self.headers)
        self.stream.send(encode_request(method, target, self.host, body, fields), timeout)

    def receive(self, method: str = "GET", timeout: Timeout = None) -> Response:
        """Return the next response; `method` is that of its request.

        Data behind the response is kept for the next call.
        """
        return self._receive(method, [], timeout)

    def receive_upgrade(self, timeout: Timeout = None) -> Response:
        """Return the response to a GET with an Upgrade header: 101, or a refusal.

        After a 101, `left_over` holds the first bytes of the new protocol.
        """
        return self._receive("GET", [("Connection", "Upgrade"), ("Upgrade", "websocket")], timeout)

    def _receive(self, method: str, asked: list[tuple[str, str]], timeout: Timeout) -> Response:
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        parser = h11.Connection(h11.CLIENT)
        # h11 only parses a response after it has sent the request.
        parser.send(h11.Request(method=method, target="/", headers=[("Host", self.host), *asked]))
        parser.send(h11.EndOfMessage())
        if self._left_over:
            parser.receive_data(self._left_over)
        informational: list[int] = []
        head: h11.Response | h11.InformationalResponse | None = None
        body: list[bytes] = []
        while True:
            try:
                event = parser.next_event()
            except h11.RemoteProtocolError as error:
                # h11 raises the error through a method of the error itself, so its traceback holds
                # a reference cycle that would keep our frames, and with them the connection.
                error.__traceback__ = None
                raise HttpError(f"{NOT_HTTP}{_without_type(str(error))}.") from None
            if event is h11.NEED_DATA:
                self._more(parser, deadline)
            elif isinstance(event, h11.InformationalResponse):
                if event.status_code == 101:
                    head = event
                    break
                informational.append(event.status_code)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body.append(bytes(event.data))
            else:  # EndOfMessage; h11 raises an error if the connection ends early
                break
        assert head is not None
        self._left_over = parser.trailing_data[0]
        return Response(
            head.status_code,
            bytes(head.reason).decode("latin-1"),
            tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in head.headers),
            b"".join(body),
            bytes(head.http_version).decode(),
            tuple(informational),
        )

    def _more(self, parser: h11.Connection, deadline: Deadline) -> None:
        data = self.stream.receive(deadline)
        if not data and parser.their_state is h11.SEND_RESPONSE and not parser.trailing_data[0]:
            raise ConnectionEnded(
                "The device closed the connection instead of answering.", reset=False
            )
        parser.receive_data(data)

    def ended(self, timeout: Timeout = None) -> bool:
        """Wait for the server to end the connection; return whether it reset it.

        Raises:
            HttpError: the server sent something else first.
            ClientTimeout: the server did not end the connection in time.
        """
        deadline = Deadline.of(self.timeout if timeout is None else timeout)
        try:
            extra = self._left_over or self.stream.receive(deadline)
        except ConnectionEnded as error:
            return error.reset
        if extra:
            raise HttpError(f"The device sent {repr(extra[:80])[1:]} without a request.")
        return False

    @property
    def left_over(self) -> bytes:
        """Data that has arrived behind the last response."""
        return self._left_over

    def close(self) -> None:
        """Close the connection with a FIN."""
        self.stream.close()

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


def encode_request(
    method: str,
    target: str,
    host: str = "espbench.test",
    body: bytes | None = None,
    headers: Headers = (),
) -> bytes:
    """Return a request as bytes, with Host and Content-Length unless `headers` has them.

    Nothing is validated, so that tests can send malformed requests.
    """
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
    given = {name.lower() for name, _ in pairs}
    if "host" not in given:
        pairs.insert(0, ("Host", host))
    if body is not None and not given & {"content-length", "transfer-encoding"}:
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def with_defaults(headers: Headers, defaults: Headers) -> list[tuple[str, str]]:
    """Return header fields, and those of the defaults whose names are not among them."""
    fields, usual = (
        list(each.items() if isinstance(each, Mapping) else each) for each in (headers, defaults)
    )
    given = {name.lower() for name, _ in fields}
    return [*(pair for pair in usual if pair[0].lower() not in given), *fields]


def chunked(parts: Iterable[bytes]) -> bytes:
    """Return a body in the chunked transfer coding (RFC 9112 section 7.1)."""
    chunks = [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts if part]
    return b"".join(chunks) + b"0\r\n\r\n"


def _without_type(message: str) -> str:
    """Return h11's message with the bytes that it quotes as a short text, not as a `repr`."""

    def shown(found: re.Match[str]) -> str:
        text = found[2]
        return f"{found[1]}{text[:QUOTED]}{'...' if len(text) > QUOTED else ''}{found[1]}"

    return _BYTES.sub(shown, message)
