# SPDX-License-Identifier: MIT
"""One of a device's doors (http, https; ws and wss go through them) as a client sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from espbench.clients.http import Headers, HttpConnection, Response
from espbench.clients.tcp import TIMEOUT, ByteStream, Stream
from espbench.clients.tls import Tls, TlsStream
from espbench.clients.websocket import WebSocket, WellBehaved, well_behaved


@dataclass(frozen=True)
class Target:
    """Where to connect to and how.

    Attributes:
        port: on the host.
        tls: how to do TLS; None is plain TCP.
        timeout: seconds (before scaling) for each call of a client.
    """

    port: int
    tls: Tls | None = None
    host: str = "127.0.0.1"
    timeout: float = TIMEOUT

    def but(self, **changes: Any) -> Self:
        """Return the same door with some fields of its `Tls` changed."""
        return replace(self, tls=replace(self.tls or Tls(), **changes))

    def patient(self, timeout: float) -> Self:
        """Return the same door for clients that wait this many seconds in each call."""
        return replace(self, timeout=timeout)

    def raw(self) -> Stream:
        """Return a TCP connection on which nothing was sent."""
        return Stream.connect(self.port, self.host, self.timeout)

    def stream(self) -> ByteStream:
        """Return a connection that is ready for requests: over TLS, the handshake is done.

        Raises:
            ClientError: it did not get that far; the connection is closed.
        """
        raw = self.raw()
        if self.tls is None:
            return raw
        try:
            return TlsStream(raw, self.tls)
        except BaseException:
            raw.close()
            raise

    def tls_stream(self) -> TlsStream:
        """Return a TLS connection, as `stream` does, with what only TLS has."""
        stream = self.stream()
        assert isinstance(stream, TlsStream), "this door has no TLS"
        return stream

    def http(self) -> HttpConnection:
        """Return a connection for several requests."""
        return HttpConnection(self.stream(), timeout=self.timeout)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Headers = ()
    ) -> Response:
        """Return the answer to one request on a connection of its own."""
        with self.http() as http:
            return http.request(method, path, body, headers)

    def get(self, path: str) -> Response:
        """Return the answer to one GET request on a connection of its own."""
        return self.request("GET", path)

    def websocket(self, path: str = "/ws", *, headers: dict[str, str] | None = None) -> WebSocket:
        """Return a WebSocket whose frames the caller makes."""
        stream = self.stream()
        try:
            return WebSocket(stream, path, headers=headers, timeout=self.timeout)
        except BaseException:
            stream.close()
            raise

    def well_behaved(self, path: str = "/ws") -> WellBehaved:
        """Return a WebSocket of the `websockets` library."""
        return well_behaved(self.url(path, websocket=True), self.tls, self.timeout)

    def url(self, path: str = "/", *, websocket: bool = False) -> str:
        """Return the URL of a path behind this door."""
        scheme = ("ws" if websocket else "http") + ("s" if self.tls else "")
        return f"{scheme}://{self.host}:{self.port}{path}"
