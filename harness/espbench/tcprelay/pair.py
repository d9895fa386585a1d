# SPDX-License-Identifier: MIT
"""`Pair`: a client's connection and the one that continues it, with what one of them has to tell.

Whatever ends a direction of one connection ends that direction of the other in the same way: a FIN
as a FIN, a RST as a RST, each after the bytes before it. While one of them takes no bytes, none are
read from the other, so that its sender is held back as without a relay.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct

__all__ = ["PIECE", "Pair", "Side", "reset"]

PIECE = 65536
"""Bytes to read at once; the relay itself keeps at most as many in each direction."""
GONE = select.POLLERR | select.POLLHUP
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 seconds: `close` sends a RST (socket(7))."""


def reset(sock: socket.socket) -> None:
    """Close a connection with a RST."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


class Side:
    """One of the two connections.

    Attributes:
        sock: its socket, which does not block.
        unsent: bytes from the other side that it has not taken yet.
        ended: whether nothing more comes from it: its FIN or RST was read.
        finished: whether it got a FIN, because nothing more comes from the other side.
        broken: whether it was reset, so that it takes nothing.
        quiet: whether it has reported a RST, or both FINs, at a time when nothing can be read.
    """

    __slots__ = ("broken", "ended", "finished", "quiet", "sock", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        """Begin with an open connection."""
        self.sock = sock
        self.unsent = memoryview(b"")
        self.ended = self.finished = self.broken = self.quiet = False

    def break_off(self) -> None:
        """Note that it was reset."""
        self.broken = True
        self.unsent = memoryview(b"")


class Pair:
    """Two connections that have both been established."""

    def __init__(self, client: socket.socket, device: socket.socket) -> None:
        """Take over two sockets that do not block."""
        self.client, self.device = Side(client), Side(device)

    def events(self, side: Side) -> int | None:
        """Return what to poll a side for; None for nothing, not even its end."""
        wanted = select.POLLIN if self._reads(side) else 0
        wanted |= select.POLLOUT if side.unsent else 0
        return None if side.quiet and not wanted else wanted

    def act(self, side: Side, events: int) -> None:
        """Do what `poll` has found to be possible on a side."""
        other = self._other(side)
        if self._reads(side):
            if events & (select.POLLIN | GONE):
                self._receive(side, other)
        elif events & GONE:
            side.quiet = True
            if events & select.POLLERR and side.ended and not side.finished:
                side.break_off()
        if side.unsent and events & (select.POLLOUT | GONE):
            self._send(other, side)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do but to close both connections."""
        both = (self.client, self.device)
        return all(side.finished for side in both) or any(map(self._reset_is_due, both))

    def close(self) -> None:
        """Close both connections when they are over: with a RST, unless both got a FIN."""
        for side in (self.client, self.device):
            if self.client.finished and self.device.finished and not side.broken:
                side.sock.close()
            else:
                reset(side.sock)

    def abandon(self) -> None:
        """Close both connections before they are over, as the end of a process does."""
        for side in (self.client, self.device):
            if side.finished:
                side.sock.close()
            else:
                reset(side.sock)

    def _other(self, side: Side) -> Side:
        return self.device if side is self.client else self.client

    def _reads(self, side: Side) -> bool:
        other = self._other(side)
        return not (side.ended or other.unsent or other.broken)

    def _reset_is_due(self, side: Side) -> bool:
        """Whether a side was reset, and the other one has got all that came before."""
        other = self._other(side)
        return side.broken and (other.broken or (side.ended and not other.unsent))

    def _receive(self, side: Side, other: Side) -> None:
        try:
            data = side.sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:  # ECONNRESET, or EPIPE for a RST after its FIN
            side.ended = True
            side.break_off()
            return
        if data:
            other.unsent = memoryview(data)
            self._send(side, other)
            return
        side.ended = True  # a failed `send` may have taken the error of a RST
        if not side.broken:
            self._finish(other)

    def _send(self, side: Side, other: Side) -> None:
        """Send to `other` what came from `side`."""
        try:
            other.unsent = other.unsent[other.sock.send(other.unsent) :]
        except BlockingIOError:
            return
        except OSError:
            other.break_off()
            return
        if not other.unsent and side.ended and not side.broken:
            self._finish(other)

    def _finish(self, side: Side) -> None:
        try:
            side.sock.shutdown(socket.SHUT_WR)
        except OSError:
            side.break_off()
        else:
            side.finished = True
