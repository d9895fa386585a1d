# SPDX-License-Identifier: MIT
"""`Stream`: a TCP connection with a deadline per call, which distinguishes FIN from reset."""

from __future__ import annotations

import contextlib
import socket
import struct
from types import TracebackType
from typing import Protocol, Self

from espbench.clients import source_ports
from espbench.clients.errors import ClientError, ClientTimeout, ConnectionEnded
from espbench.util.timeouts import Deadline

__all__ = ["TIMEOUT", "ByteStream", "Stream", "Timeout"]

TIMEOUT = 10.0
"""Default time-out of a call, in seconds (before scaling)."""

Timeout = float | Deadline | None
"""Seconds, a deadline shared with other calls, or None for the connection's time-out."""


class ByteStream(Protocol):
    """A connection for HTTP and WebSocket clients, plain or TLS."""

    @property
    def port(self) -> int:
        """The client's source port, which identifies the connection on the device."""

    def send(self, data: bytes, timeout: Timeout = None) -> None:
        """Send all of the data."""

    def receive(self, timeout: Timeout = None) -> bytes:
        """Return available data, waiting for at least one byte; b"" if the peer closed."""

    def close(self) -> None:
        """Close the connection with a FIN."""

    def reset(self) -> None:
        """Close the connection with a RST."""


class Stream:
    """A TCP connection.

    Every call raises `ClientTimeout` when its deadline expires, and `ConnectionEnded`
    when the peer has reset the connection.
    """

    def __init__(
        self, sock: socket.socket, timeout: float = TIMEOUT, peer: str = "The peer"
    ) -> None:
        """Take over a connected socket; `timeout` (seconds) is for each call."""
        self.sock = sock
        self.timeout = timeout
        self.peer = peer
        # Data sent in two pieces must arrive in two. The peer may already be gone.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def connect(cls, port: int, host: str = "127.0.0.1", timeout: float = TIMEOUT) -> Self:
        """Connect to the forwarded port; slirp accepts even if the guest does not listen.

        Raises:
            ConnectionEnded: the connection was refused.
            ClientTimeout: the connection was not accepted in time.
        """
        deadline = Deadline(timeout)
        try:
            connected = source_ports.connect(port, deadline.remaining(), host)
        except TimeoutError:
            raise ClientTimeout(
                f"{host}:{port} did not accept a connection within {deadline}."
            ) from None
        except ConnectionError as error:
            raise ConnectionEnded(
                f"{host}:{port} refused the connection ({error.strerror}): is the device running?",
                reset=True,
            ) from None
        return cls(connected, timeout, f"{host}:{port}")

    @property
    def port(self) -> int:
        """The source port, which slirp preserves, so it identifies the connection on the device."""
        return int(self.sock.getsockname()[1])

    def send(self, data: bytes, timeout: Timeout = None) -> None:
        """Send all of the data."""
        deadline = self._begin("take", timeout)
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.sock.send(rest) :]
            except (TimeoutError, ConnectionError) as error:
                if self._failed_early(deadline, error):
                    continue
                raise self._failed("take", deadline, error) from None
            if rest:
                self._begin("take", deadline)

    def receive(self, timeout: Timeout = None, size: int = 65536) -> bytes:
        """Return up to `size` bytes as soon as any arrive; b"" if the peer closed."""
        deadline = self._begin("send", timeout)
        while True:
            try:
                return self.sock.recv(size)
            except (TimeoutError, ConnectionError) as error:
                if not self._failed_early(deadline, error):
                    raise self._failed("send", deadline, error) from None

    def receive_until_end(self, timeout: Timeout = None) -> bytes:
        """Return everything until the peer closes the connection."""
        deadline = self.deadline(timeout)
        parts = []
        while part := self.receive(deadline):
            parts.append(part)
        return b"".join(parts)

    def wait_until_gone(self, timeout: Timeout = None) -> bool:
        """Wait for the peer to end the connection; return whether it reset it."""
        try:
            self.receive_until_end(timeout)
        except ConnectionEnded as error:
            return error.reset
        return False

    def finish(self) -> None:
        """Close the sending direction with a FIN; the peer's data still arrives."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection with a FIN."""
        self.sock.close()

    @property
    def closed(self) -> bool:
        """Whether this end has closed the connection."""
        return self.sock.fileno() < 0

    def reset(self) -> None:
        """Close the connection with a RST (SO_LINGER of 0 seconds, socket(7))."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def deadline(self, timeout: Timeout) -> Deadline:
        """Return the deadline for a call with this time-out."""
        return Deadline.of(self.timeout if timeout is None else timeout)

    def _begin(self, verb: str, timeout: Timeout) -> Deadline:
        deadline = self.deadline(timeout)
        if deadline.expired():
            raise self._timed_out(verb, deadline)
        self.sock.settimeout(deadline.remaining() or 0.001)
        return deadline

    def _failed_early(self, deadline: Deadline, error: OSError) -> bool:
        """Return whether a call timed out while the deadlines' clock stood still."""
        if not isinstance(error, TimeoutError) or deadline.expired():
            return False
        self.sock.settimeout(deadline.remaining() or 0.001)
        return True

    # Not a generator-based context manager: since Python 3.12, replacing an exception in one leaves
    # a reference cycle (exception, its traceback, the frame of contextlib's __exit__, exception),
    # and the socket in it stays open until the next garbage collection.
    def _failed(self, verb: str, deadline: Deadline, error: OSError) -> ClientError:
        if isinstance(error, TimeoutError):
            return self._timed_out(verb, deadline)
        return ConnectionEnded(f"{self.peer} reset the connection ({error.strerror}).", reset=True)

    def _timed_out(self, verb: str, deadline: Deadline) -> ClientTimeout:
        return ClientTimeout(f"{self.peer} did not {verb} anything more within {deadline}.")

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
