# SPDX-License-Identifier: MIT
"""`Server`: one port of a device, with what it speaks and what was found on it; data only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Server", "WebSocketPath"]


@dataclass(frozen=True)
class WebSocketPath:
    """A path that upgrades to a WebSocket (RFC 6455, section 4).

    Attributes:
        path: the path.
        echo: whether it sends each message back.
        subprotocol: the subprotocol that it asks for, or "".
    """

    path: str
    echo: bool = False
    subprotocol: str = ""


@dataclass(frozen=True)
class Server:
    """A TCP port that the device listens on.

    Attributes:
        port: the guest's port.
        tls: whether it speaks TLS.
        handshakes: whether a TLS handshake succeeded; False if it only sent alerts.
        http: whether it answers HTTP requests.
        path: a path that is answered, with the best status that was found.
        status: the status of the response to GET `path`; 0 if unknown.
        websockets: the paths that upgrade.
    """

    port: int
    tls: bool = False
    http: bool = False
    path: str = "/"
    status: int = 0
    websockets: Sequence[WebSocketPath] = field(default=())
    handshakes: bool = True

    @property
    def works(self) -> bool:
        """Whether it served a client when it was found, so that it has to do so again."""
        return self.http or (self.tls and self.handshakes)

    @property
    def scheme(self) -> str:
        """The URL scheme: http, https, tls or tcp."""
        if self.http:
            return "https" if self.tls else "http"
        return "tls" if self.tls else "tcp"

    @property
    def name(self) -> str:
        """Scheme and port for a sentence, such as "https on port 443"."""
        return f"{self.scheme} on port {self.port}"

    def __str__(self) -> str:
        """Return it for a reader, such as "https on port 443 (GET /hello: 200, WebSocket /ws)"."""
        found = [f"GET {self.path}: {self.status}"] if self.http else []
        found += [] if self.handshakes else ["no handshake succeeds"]
        found += [
            f"WebSocket {each.path}{' (echo)' if each.echo else ''}" for each in self.websockets
        ]
        return self.name + (f" ({', '.join(found)})" if found else "")
