# SPDX-License-Identifier: MIT
"""Connects from source ports that the guest has not seen lately: `connect`, `SourcePorts`.

slirp preserves a client's source port, so the port identifies the connection in the guest. Two
clients that share a port are one connection there. If a client reuses a port while the guest still
has its last connection in TIME-WAIT, lwIP answers the SYN with an ACK of the old connection
(RFC 9293 section 3.10.7.4 would allow it to accept a new one), and slirp retransmits a lost SYN
only after 6 s. The host's kernel prevents neither: when the guest closes a connection first, the
client's port is free on the host at once.
"""

from __future__ import annotations

import errno
import socket
import threading

__all__ = ["SourcePorts", "bind", "connect"]

LOCAL = "127.0.0.1"
"""Address that clients connect from."""
OFFERS = 8
"""After this many remembered ports in a row, there are hardly any others."""


class SourcePorts:
    """Remembers recently used ports, and chooses others.

    When the kernel only offers remembered ports, the one used longest ago is forgotten: there may
    be few to choose from (net.ipv4.ip_local_port_range; 14 000 by default, as Linux offers the odd
    ones).
    """

    def __init__(self) -> None:
        """Start with no remembered ports."""
        self._lately: dict[int, None] = {}  # in the order of their use
        self._lock = threading.Lock()

    def bind(self, sock: socket.socket) -> None:
        """Bind an unconnected socket to an unused port on the loopback.

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
        """Return a port that was free a moment ago and has not been used lately."""
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
"""Bind an unconnected socket to a port that this process has not used lately."""


def connect(port: int, timeout: float, host: str = LOCAL) -> socket.socket:
    """Return a TCP connection from a port that this process has not used lately.

    Args:
        port: destination port on `host`.
        timeout: seconds, for the connection and for each later call.

    Raises:
        OSError: see `socket.create_connection`.
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
