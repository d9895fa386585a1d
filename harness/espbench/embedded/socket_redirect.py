# SPDX-License-Identifier: MIT
"""Redirects this process's TCP connections to a guest's address to the forwarded host port.

The guest prints 10.0.2.15, which exists only inside QEMU, and tests connect to that address.
http.client, ssl, requests, urllib3, httpx, websocket-client and asyncio all call `connect` of
`socket.socket`, so the address is replaced there. Connections to other addresses are unchanged.
Connections of other processes and UDP are not redirected.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Callable
from typing import Any

from espbench.clients import source_ports
from espbench.errors import EspbenchError

Forward = Callable[[int], int]
"""Returns the host port on 127.0.0.1 that is forwarded to a guest port."""

HERE = "127.0.0.1"


class Route:
    """The guests' addresses; `socket.socket` is patched only while there are some."""

    def __init__(self) -> None:
        """Start without a guest."""
        self._guests: dict[str, Forward] = {}
        self._lock = threading.Lock()
        self._undo: list[Callable[[], None]] = []

    def add(self, address: str, forward: Forward) -> None:
        """Redirect connections to `address` from now on."""
        with self._lock:
            self._guests[address] = forward
            if not self._undo:
                self._undo = [
                    _wrap("connect", self._exchanged),
                    _wrap("connect_ex", self._or_errno),
                ]

    def remove(self, address: str) -> None:
        """Stop redirecting connections to `address`."""
        with self._lock:
            self._guests.pop(address, None)
            if not self._guests:
                for undo in self._undo:
                    undo()
                self._undo = []

    def _exchanged(self, connect: Callable[..., Any], sock: socket.socket, address: Any) -> Any:
        forward = self._forward_of(sock, address)
        if forward is None:
            return connect(sock, address)
        try:
            port = forward(address[1])
        except EspbenchError as error:
            raise ConnectionRefusedError(
                errno.ECONNREFUSED, f"The guest {address[0]} cannot be reached: {error}"
            ) from error
        with contextlib.suppress(OSError):
            if not sock.getsockname()[1]:
                source_ports.bind(sock)
        return connect(sock, (HERE, port))

    def _or_errno(self, connect: Callable[..., Any], sock: socket.socket, address: Any) -> Any:
        try:
            return self._exchanged(connect, sock, address)
        except ConnectionRefusedError as error:
            return error.errno

    def _forward_of(self, sock: socket.socket, address: Any) -> Forward | None:
        if sock.family != socket.AF_INET or sock.type != socket.SOCK_STREAM:
            return None
        return self._guests.get(address[0]) if isinstance(address, tuple) else None


def _wrap(name: str, instead: Callable[..., Any]) -> Callable[[], None]:
    """Patch a method of `socket.socket` to call `instead` with the original method first.

    Returns:
        a function that undoes it.
    """
    before = getattr(socket.socket, name)
    own = name in vars(socket.socket)

    def method(self: socket.socket, address: Any) -> Any:
        return instead(before, self, address)

    setattr(socket.socket, name, method)

    def undo() -> None:
        if vars(socket.socket).get(name) is not method:
            return  # patched again by other code, which calls this method: harmless without guests
        if own:
            setattr(socket.socket, name, before)
        else:
            delattr(socket.socket, name)

    return undo
