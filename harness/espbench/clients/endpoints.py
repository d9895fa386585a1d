# SPDX-License-Identifier: MIT
"""Where clients reach a device: `Endpoint` is one server, `Endpoints` are all, by URL scheme."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

from espbench.clients.http import Headers, HttpConnection, Response, with_defaults
from espbench.clients.tcp import TIMEOUT, ByteStream, Stream
from espbench.clients.tls import Tls, TlsStream
from espbench.clients.websocket import (
    RawWebSocket,
    WebsocketsClient,
    upgrade_headers,
    websockets_client,
)

__all__ = ["Endpoint", "Endpoints", "Forwarded"]


@dataclass(frozen=True)
class Endpoint:
    """A server on a device, as a client reaches it: where to connect, and how.

    Attributes:
        port: port on the host.
        tls: TLS options; None is plain TCP.
        timeout: seconds (before scaling) for each call of a client.
        headers: fields that each request has, unless it has one of the same name.
    """

    port: int
    tls: Tls | None = None
    host: str = "127.0.0.1"
    timeout: float = TIMEOUT
    headers: tuple[tuple[str, str], ...] = ()

    def but(self, **changes: Any) -> Self:
        """Return the same endpoint with some fields of its `Tls` changed."""
        return replace(self, tls=replace(self.tls or Tls(), **changes))

    def patient(self, timeout: float) -> Self:
        """Return the same endpoint for clients that wait this many seconds in each call."""
        return replace(self, timeout=timeout)

    def raw(self) -> Stream:
        """Return a fresh TCP connection."""
        return Stream.connect(self.port, self.host, self.timeout)

    def stream(self) -> ByteStream:
        """Return a connection that is ready for requests, after the handshake if it uses TLS.

        Raises:
            ClientError: the connection or the handshake failed; the connection is closed.
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
        """Return a TLS connection, as `stream` does, typed as `TlsStream`."""
        stream = self.stream()
        assert isinstance(stream, TlsStream), "this endpoint has no TLS"
        return stream

    def http(self) -> HttpConnection:
        """Return a connection for several requests."""
        return HttpConnection(self.stream(), timeout=self.timeout, headers=self.headers)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Headers = ()
    ) -> Response:
        """Return the response to one request on a separate connection."""
        with self.http() as http:
            return http.request(method, path, body, headers)

    def get(self, path: str) -> Response:
        """Return the response to one GET request on a separate connection."""
        return self.request("GET", path)

    def websocket(
        self, path: str = "/ws", *, headers: dict[str, str] | None = None
    ) -> RawWebSocket:
        """Return a WebSocket whose frames the caller builds."""
        wanted = upgrade_headers() if headers is None else headers
        fields = dict(with_defaults(wanted, self.headers))
        stream = self.stream()
        try:
            return RawWebSocket(stream, path, headers=fields, timeout=self.timeout)
        except BaseException:
            stream.close()
            raise

    def websockets_client(self, path: str = "/ws") -> WebsocketsClient:
        """Return a WebSocket of the `websockets` library."""
        return websockets_client(
            self.url(path, websocket=True), self.tls, self.timeout, headers=self.headers
        )

    def well_behaved(self, path: str = "/ws") -> WebsocketsClient:
        """Return the same; the old name of `websockets_client`."""
        warnings.warn(
            "Endpoint.well_behaved() is now Endpoint.websockets_client(); the old name will be "
            "removed after 0.1.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.websockets_client(path)

    def url(self, path: str = "/", *, websocket: bool = False) -> str:
        """Return the URL of a path on this endpoint."""
        scheme = ("ws" if websocket else "http") + ("s" if self.tls else "")
        return f"{scheme}://{self.host}:{self.port}{path}"


class Forwarded(Protocol):
    """Forwards a device's ports, such as `espbench.device.device.Device`."""

    def ports(self, guest_port: int) -> list[int]:
        """Return the host ports that are forwarded to this guest port."""


class Endpoints:
    """All endpoints of a device: http and https, which also serve ws and wss.

    Each access to `http` or `https` gives the next forwarded port in turn: slirp's listener
    has a backlog of one (``SO_LISTEN`` in slirp's socket.c), so simultaneous clients need
    separate ports to reach the guest at once.
    """

    def __init__(
        self,
        device: Forwarded,
        tls: Tls,
        guest_ports: Mapping[str, int] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Look up the ports.

        Args:
            device: the device, whose `tls_secrets`, if it has that, gets the clients' TLS secrets.
            tls: TLS options; its `secrets`, if set, are another file for these.
            guest_ports: guest port by URL scheme.
            timeout: seconds, before scaling, for each call of a client.
        """
        guest = {"http": 80, "https": 443} if guest_ports is None else guest_ports
        self._ports = {
            scheme: itertools.cycle(device.ports(port)) for scheme, port in guest.items()
        }
        secrets: Path | None = getattr(device, "tls_secrets", None)
        self.tls = tls if tls.secrets else replace(tls, secrets=secrets)
        self.timeout = timeout

    @property
    def http(self) -> Endpoint:
        """The next endpoint without TLS."""
        return Endpoint(next(self._ports["http"]), timeout=self.timeout)

    @property
    def https(self) -> Endpoint:
        """The next endpoint with TLS."""
        return Endpoint(next(self._ports["https"]), self.tls, timeout=self.timeout)

    def __getitem__(self, scheme: str) -> Endpoint:
        """Return the next endpoint for http, https, ws or wss."""
        return self.https if scheme in ("https", "wss") else self.http

    def but(self, **changes: object) -> Endpoints:
        """Return the same endpoints with some fields of `Tls` changed."""
        other = object.__new__(Endpoints)
        other._ports = self._ports
        other.tls = replace(self.tls, **changes)  # type: ignore[arg-type]
        other.timeout = self.timeout
        return other
