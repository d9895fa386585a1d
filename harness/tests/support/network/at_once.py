# SPDX-License-Identifier: MIT
"""Connects many clients at the same moment, and counts what TCP had to send again."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct

__all__ = ["CLIENTS", "repeated_segments"]

CLIENTS = 24
TCP_INFO, TOTAL_RETRANS = 11, 100
"""Linux's option, and the offset of tcpi_total_retrans in its struct (linux/tcp.h)."""


def repeated_segments(port: int) -> int:
    """Connect `CLIENTS` clients to a port of 127.0.0.1, and return how many SYNs were repeated.

    A SYN that finds the listener's queue full is dropped, and repeated after a second or more.
    """
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        clients = [stack.enter_context(socket.socket()) for _ in range(CLIENTS)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            selector.register(client, selectors.EVENT_WRITE)
        connected: set[int] = set()
        while len(connected) < CLIENTS:
            connected |= {key.fd for key, _ in selector.select()}
        return sum(_repeated(client) for client in clients)


def _repeated(client: socket.socket) -> int:
    info = client.getsockopt(socket.IPPROTO_TCP, TCP_INFO, TOTAL_RETRANS + 4)
    return int(struct.unpack_from("=I", info, TOTAL_RETRANS)[0])
