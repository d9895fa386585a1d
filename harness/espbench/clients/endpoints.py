# SPDX-License-Identifier: MIT
"""All the doors of one device: http and https, and ws and wss through them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from espbench.clients.endpoint import Target
from espbench.clients.tcp import TIMEOUT
from espbench.clients.tls import Tls


class Forwarded(Protocol):
    """What forwards a device's ports, such as `espbench.device.device.Device`."""

    def ports(self, guest_port: int) -> list[int]:
        """Return the host ports that lead to this guest port."""


class Doors:
    """Where a device can be reached.

    Each look at `http` or `https` gives the next forwarded port in turn: slirp's listener has
    a backlog of one (``SO_LISTEN`` in slirp's socket.c), so clients that come at once need
    ports of their own to reach the guest at once.
    """

    def __init__(
        self,
        device: Forwarded,
        tls: Tls,
        guest_ports: Mapping[str, int] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Find the ports; `timeout` (seconds, before scaling) is for each call of a client."""
        guest = {"http": 80, "https": 443} if guest_ports is None else guest_ports
        self._ports = {
            scheme: itertools.cycle(device.ports(port)) for scheme, port in guest.items()
        }
        self.tls = tls
        self.timeout = timeout

    @property
    def http(self) -> Target:
        """The plain door."""
        return Target(next(self._ports["http"]), timeout=self.timeout)

    @property
    def https(self) -> Target:
        """The TLS door."""
        return Target(next(self._ports["https"]), self.tls, timeout=self.timeout)

    def __getitem__(self, scheme: str) -> Target:
        """Return the door for http, https, ws or wss."""
        return self.https if scheme in ("https", "wss") else self.http

    def but(self, **changes: object) -> Doors:
        """Return the same doors with some fields of `Tls` changed."""
        other = object.__new__(Doors)
        other._ports = self._ports
        other.tls = replace(self.tls, **changes)  # type: ignore[arg-type]
        other.timeout = self.timeout
        return other
