# SPDX-License-Identifier: MIT
"""`EspbenchDriver`: gives tests the addresses of a lab's board, and waits until it serves."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPException
from typing import ClassVar

import attr
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.util.proxy import proxymanager

from espbench.errors import ConfigError, NotReady
from espbench.lab.resource import EspbenchBoard
from espbench.util.timeouts import Deadline

__all__ = ["EspbenchDriver"]

TRY = 2.0
RETRY = 0.05
"""Seconds between two requests while a board does not answer; there is no event to wait for."""


@target_factory.reg_driver
@attr.s(eq=False)
class EspbenchDriver(Driver):
    """Leads to the servers of an `EspbenchBoard`, through labgrid's SSH proxy if necessary."""

    bindings: ClassVar = {"board": EspbenchBoard}

    def address(self, scheme: str = "http") -> tuple[str, int]:
        """Return host and port of a server: http or ws, https or wss.

        Raises:
            ConfigError: the board has no such server.
        """
        port = getattr(self.board, {"ws": "http", "wss": "https"}.get(scheme, scheme), None)
        if scheme not in ("http", "https", "ws", "wss") or port is None:
            raise ConfigError(
                f"The board of {self.target.name} has no address for {scheme}: use http, https, "
                "ws or wss, if it serves that."
            )
        host, port = proxymanager.get_host_and_port(self.board, force_port=port)
        return str(host), int(port)

    def url(self, path: str = "/", scheme: str = "http") -> str:
        """Return the URL of a path on the board: scheme http, https, ws or wss.

        Raises:
            ConfigError: the board has no such server.
        """
        host, port = self.address(scheme)
        return f"{scheme}://{host}:{port}/{path.removeprefix('/')}"

    @Driver.check_active
    def wait_ready(self, path: str = "/", timeout: float | Deadline = 60.0) -> None:
        """Wait until the board answers `GET path`.

        Raises:
            NotReady: it did not answer in time.
        """
        deadline = Deadline.of(timeout)
        while not self._answers(path, min(deadline.remaining(), TRY)):
            if deadline.expired():
                raise NotReady(
                    f"The board of {self.target.name} did not answer GET {path} within {deadline}: "
                    "check its console, or power-cycle it."
                )
            time.sleep(min(RETRY, deadline.remaining()))

    def _answers(self, path: str, timeout: float) -> bool:
        # slirp accepts a connection before the guest does, so only an answer counts.
        connection = HTTPConnection(*self.address(), timeout=max(timeout, 0.01))
        try:
            connection.request("GET", path)
            connection.getresponse().read()
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        return True
