# SPDX-License-Identifier: MIT
"""`answering`: finds the addresses of a device that answer.

slirp accepts a connection before the guest does, so an accepted connection proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from espbench.clients import Endpoint, Tls
from espbench.clients.errors import ClientError

HERE = "127.0.0.1"
ENDPOINTS = {"/ws": "", "/webrepl": "webrepl"}
"""WebSocket endpoints of the default application, and the prefixes of their addresses' names."""


@dataclass(frozen=True)
class Server:
    """Where this host reaches a server of the device.

    Attributes:
        scheme: http or https.
        host, port: address on this host.
    """

    scheme: str
    host: str
    port: int

    def endpoint(self) -> Endpoint:
        """Return an endpoint for clients, which do not verify certificates."""
        tls = Tls(verify=False) if self.scheme == "https" else None
        return Endpoint(self.port, tls, host=self.host)


@dataclass(frozen=True)
class Address:
    """An address that answers.

    Attributes:
        name: http, https, ws, wss, or "webrepl-ws" and "webrepl-wss" for the WebREPL.
        url: the address itself.
    """

    name: str
    url: str

    @property
    def is_webrepl(self) -> bool:
        """Whether it is an address of the WebREPL."""
        return self.name.startswith("webrepl-")


def answering(servers: Iterable[Server]) -> list[Address]:
    """Return the addresses that answer with an HTTP response or a WebSocket upgrade."""
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


def addresses_of(scheme: str, guest_port: int, host_port: int) -> list[Address]:
    """Return the addresses of a server on an unusual port, with the guest's port in their names.

    Args:
        scheme: http, https, tls or tcp.
        guest_port: where it listens.
        host_port: the port of 127.0.0.1 that leads there.
    """
    if scheme in ("http", "https"):
        found = answering([Server(scheme, HERE, host_port)])
        return [Address(f"{each.name} :{guest_port}", each.url) for each in found]
    return [Address(f"{scheme} :{guest_port}", f"{HERE}:{host_port}")]


def _upgrades(endpoint: Endpoint, path: str) -> bool:
    try:
        with endpoint.websocket(path):
            return True
    except (ClientError, OSError):
        return False
