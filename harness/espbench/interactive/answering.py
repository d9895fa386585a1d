# SPDX-License-Identifier: MIT
"""Which addresses of a device answer: slirp accepts a connection before the guest does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from espbench.clients import Endpoint, Tls
from espbench.clients.errors import ClientError

ENDPOINTS = {"/ws": "", "/webrepl": "webrepl"}
"""WebSocket endpoints of the default application, and what begins the names of their addresses."""


@dataclass(frozen=True)
class Server:
    """Where a server of the device is reached on this host.

    Attributes:
        scheme: http or https.
        host, port: on this host.
    """

    scheme: str
    host: str
    port: int

    def endpoint(self) -> Endpoint:
        """Return it for clients, which verify nothing."""
        tls = Tls(verify=False) if self.scheme == "https" else None
        return Endpoint(self.port, tls, host=self.host)


@dataclass(frozen=True)
class Address:
    """An address that answers.

    Attributes:
        name: http, https, ws, wss, or the same of the WebREPL with "webrepl-" in front.
    """

    name: str
    url: str

    @property
    def is_webrepl(self) -> bool:
        """Whether it is the WebREPL's."""
        return self.name.startswith("webrepl-")


def answering(servers: Iterable[Server]) -> list[Address]:
    """Return the addresses that answer: an HTTP response, or the upgrade to a WebSocket."""
    found = []
    for server in servers:
        endpoint = server.endpoint()
        try:
            endpoint.get("/")
        except (ClientError, OSError):
            continue
        found.append(Address(server.scheme, endpoint.url("/")))
        scheme = server.scheme.replace("http", "ws")
        found += [
            Address(f"{prefix}-{scheme}" if prefix else scheme, endpoint.url(path, websocket=True))
            for path, prefix in ENDPOINTS.items()
            if _upgrades(endpoint, path)
        ]
    return found


def _upgrades(endpoint: Endpoint, path: str) -> bool:
    try:
        with endpoint.websocket(path):
            return True
    except (ClientError, OSError):
        return False
