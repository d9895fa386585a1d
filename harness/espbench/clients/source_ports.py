# SPDX-License-Identifier: MIT
"""Connects from source ports that a guest does not remember: `connect`, `SourcePorts`.

slirp keeps a client's source port, so it is a part of the connection's name in the guest. Two
clients that share one are one connection there, and a client that gets one again while the guest
remembers the last connection in TIME-WAIT is not heard: lwIP answers its SYN with an ACK of the old
connection (RFC 9293, section 3.10.7.4, which allows a stack to take it for a new one), and slirp
sends a lost SYN again after 6 s. The kernel knows nothing of either: when the guest ends a
connection first, the client's port is free on the host at once.
"""

from __future__ import annotations

import errno
import socket
import threading

__all__ = ["SourcePorts", "bind", "connect"]

LOCAL = "127.0.0.1"
"""Where clients come from."""
OFFERS = 8
"""So many remembered ports in a row say that there are hardly any others."""


class SourcePorts:
    """Remembers the ports that were used last, and takes others.

    When the kernel offers only remembered ones, the one that was used first is forgotten: there
    may be few to choose from (net.ipv4.ip_local_port_range; 14 000 by default, as Linux offers the
    odd ones).
    """

    def __init__(self) -> None:
        """Start without a memory."""
        self._lately: dict[int, None] = {}  # in the order of their use
        self._lock = threading.Lock()

    def bind(self, sock: socket.socket) -> None:
        """Bind an unconnected socket to a port of its own on the loopback.

        Raises:
            OSError: the host has no free port.
        """
        while True:
            port = self.new()
            try:
                sock.bind((LOCAL, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue  # another process was faster
            return

    def new(self) -> int:
        """Return a port that was free a moment ago, and was not used lately."""
        with self._lock:
            while True:
                for _ in range(OFFERS):
                    port = _offered()
                    if port not in self._lately:
                        self._lately[port] = None
                        return port
                del self._lately[next(iter(self._lately))]


def _offered() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        return int(probe.getsockname()[1])


_ports = SourcePorts()

bind = _ports.bind
"""Bind an unconnected socket to a port that this process did not use lately."""


def connect(port: int, timeout: float, host: str = LOCAL) -> socket.socket:
    """Return a TCP connection from a port that this process did not use lately.

    Args:
        port: where to, on `host`.
        timeout: seconds, for the connection and for each call after it.

    Raises:
        OSError: as `socket.create_connection` does.
    """
    sock = socket.socket()
    try:
        sock.settimeout(timeout)
        bind(sock)
        sock.connect((host, port))
    except BaseException:
        sock.close()
        raise
    return sock
