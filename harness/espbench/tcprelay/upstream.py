# SPDX-License-Identifier: MIT
"""Opens the connection that continues a client's: `Upstream`.

slirp shows the guest a client's source port, which identifies the connection there, and takes every
address of 127/8 for its own one, 10.0.2.2 (``sotranslate_accept`` in its socket.c). The relay
connects from another loopback address than the clients use, where the client's port is free, so
that the guest sees the client's port as without a relay.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections import deque
from collections.abc import Sequence

__all__ = ["BUFFER", "PATIENCE", "Attempt", "Upstream", "stream"]

HERE = "127.0.0.1"
ALIAS = "127.0.0.2"
"""Where the relay's connections come from, on systems that have all of 127/8."""
PATIENCE = 0.1
"""Seconds after which a SYN has been dropped. Over the loopback, an answer takes microseconds; the
kernel repeats the SYN only after a second."""
BUFFER = 65536
"""Bytes for SO_RCVBUF and SO_SNDBUF; Linux doubles it for its own needs. They bound what the
sockets of the relay hold in addition to those of client and emulator."""


def stream() -> socket.socket:
    """Return a TCP socket with the relay's buffers, which does not block."""
    sock = socket.socket()
    sock.setblocking(False)
    prepare(sock)
    return sock


def prepare(sock: socket.socket) -> None:
    """Bound a socket's buffers, and let it send each piece at once."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # slirp's listener has it, so an urgent byte stays where it is in the stream.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)


class Attempt:
    """A connection that is being opened to one of the emulator's ports.

    Attributes:
        client: the client that waits for it.
        sock: the socket; `poll` finds it writable when it is connected, or has failed.
        port: the client's source port.
        source: the port that it was bound to for the client; None for any.
        until: when the SYN counts as dropped, in seconds of the monotonic clock.
    """

    __slots__ = ("client", "port", "sock", "source", "until")

    def __init__(
        self, client: socket.socket, sock: socket.socket, port: int, source: int | None
    ) -> None:
        """Begin to wait."""
        self.client, self.sock, self.port, self.source = client, sock, port, source
        self.until = time.monotonic() + PATIENCE


class Upstream:
    """The emulator's ports that lead to one port of the guest, used in turn."""

    def __init__(self, ports: Sequence[int]) -> None:
        """Use these ports of 127.0.0.1."""
        self._ports = deque(ports)
        self._sources: set[int] = set()

    def begin(self, client: socket.socket, port: int) -> Attempt:
        """Begin to connect for a client, whose source port is `port`.

        Raises:
            OSError: the system has no socket or port for it.
        """
        last: OSError | None = None
        # Another client, on another address, may have the same port.
        for source in (None if port in self._sources else port, None):
            for _ in self._ports:
                sock = stream()
                try:
                    bound = self._bind(sock, source)
                    self._connect(sock)
                except OSError as error:
                    sock.close()
                    last = error
                    if error.errno != errno.EADDRNOTAVAIL:
                        raise
                    continue  # it was used for this port lately, and is in TIME-WAIT
                if bound is not None:
                    self._sources.add(bound)
                return Attempt(client, sock, port, bound)
        assert last is not None
        raise last

    def release(self, source: int | None) -> None:
        """Let another connection use a client's source port."""
        if source is not None:
            self._sources.discard(source)

    def _bind(self, sock: socket.socket, source: int | None) -> int | None:
        """Bind to the client's port if that is possible; return it, or None."""
        if source is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                sock.bind((ALIAS, source))
                return source
        return None

    def _connect(self, sock: socket.socket) -> None:
        self._ports.rotate(-1)
        status = sock.connect_ex((HERE, self._ports[0]))
        if status not in (0, errno.EINPROGRESS):
            raise OSError(status, "the relay cannot connect")
