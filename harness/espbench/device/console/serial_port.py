# SPDX-License-Identifier: MIT
"""`SerialPort`: one serial line to the guest, which sends data as fast as the guest reads it."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

from espbench.errors import ConsoleTimeout, NotRunning, QmpError
from espbench.qemu.uart_pacing import Pace
from espbench.util.timeouts import Deadline

__all__ = ["SerialPort"]


class SerialPort:
    """The sending half of a connected socket; safe to use from several threads."""

    def __init__(self, fault: Callable[[], Exception | None]) -> None:
        """Create a line; `attach` connects it.

        Args:
            fault: returns why QEMU closed the line, or None.
        """
        self._fault = fault
        self._socket: socket.socket | None = None
        self._sending = threading.Lock()
        self._pace: Pace | None = None

    def attach(self, connection: socket.socket, pace: Pace | None = None) -> None:
        """Take over a connected socket; without a `pace`, QEMU's flow control applies."""
        connection.setblocking(False)
        self._socket = connection
        self._pace = pace

    def close(self) -> None:
        """Close the socket."""
        with self._sending:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send `data` to the guest's UART.

        Raises:
            ConsoleTimeout: the guest did not read it in time.
            NotRunning: the device is not running.
        """
        whole = memoryview(data)
        with self._sending:
            if self._pace is None:
                self._send(whole, deadline)
                return
            try:
                for start in range(0, len(whole), self._pace.piece):
                    piece = whole[start : start + self._pace.piece]
                    self._pace.before(deadline)
                    self._send(piece, deadline)
                    self._pace.after(len(piece), deadline)
            except QmpError as error:
                raise self._fault() or error from error

    def _send(self, rest: memoryview, deadline: Deadline) -> None:
        while rest:
            if self._socket is None:
                raise NotRunning("The device is not running, so nothing can be sent to it.")
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._socket, select.POLLOUT)
                if not poll.poll(deadline.remaining() * 1000) and deadline.expired():
                    raise ConsoleTimeout(
                        f"The guest did not read {len(rest)} bytes from its UART within "
                        f"{deadline}: it hangs, or runs with interrupts disabled."
                    ) from None
            except OSError as error:
                raise self._fault() or NotRunning(
                    f"QEMU closed the console ({error.strerror})."
                ) from error
