# SPDX-License-Identifier: MIT
"""A board's console on a TCP port, as a lab's terminal server has it (RFC 2217).

Not raw: microcom, which `labgrid-client console` calls, always begins with telnet's negotiation,
and Ctrl-A is in it, which is MicroPython's raw REPL.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

import serial
from serial.rfc2217 import PortManager

KEPT = 64 * 1024
"""Bytes that wait for the next client while there is none."""
BACKLOG = 1024 * 1024
"""Bytes that a client may lag behind before it is cut off: the board waits for nobody."""


class _Client:
    """What one client is still to be sent, and its side of telnet."""

    def __init__(self) -> None:
        self.unsent = bytearray()
        # What a client sets of the line (speed, parity) is kept there, and goes no further.
        self._telnet = PortManager(serial.serial_for_url("loop://"), self)

    def write(self, data: bytes) -> None:
        """Send telnet's own; called by `PortManager`."""
        self.unsent += data

    def show(self, data: bytes) -> None:
        """Send what the board prints."""
        self.unsent += b"".join(self._telnet.escape(data))

    def typed(self, data: bytes) -> bytes:
        """Return what is for the board."""
        return b"".join(self._telnet.filter(data))


class ConsoleServer:
    """Shows all clients what the board prints, and sends it what they type.

    What it prints while nobody is connected waits for the next client, so that the boot is seen by
    whoever acquired the place.
    """

    def __init__(self, address: str, send: Callable[[bytes], None]) -> None:
        """Listen on a free port of `address`; `send` is called with what clients type."""
        self._send = send
        self._listener = socket.create_server((address, 0))
        self.port: int = self._listener.getsockname()[1]
        self._listener.setblocking(False)
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._lock = threading.Lock()
        self._waiting = bytearray()
        self._closing = False
        self._clients: dict[socket.socket, _Client] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="espbench-lab-console", daemon=True)
        self._thread.start()

    def feed(self, data: bytes) -> None:
        """Show `data`; from any thread."""
        with self._lock:
            self._waiting += data
        self._nudge()

    def close(self) -> None:
        """Cut all clients off and stop listening."""
        self._closing = True
        self._nudge()
        self._thread.join()

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    def _run(self) -> None:
        while not self._closing:
            for key, events in self._selector.select():
                match key.fileobj:
                    case self._listener:
                        self._accept()
                    case self._woken:
                        self._woken.recv(4096)
                    case socket.socket() as client:
                        if events & selectors.EVENT_READ:
                            self._receive(client)
            self._show()
        for end in (*self._clients, self._listener, self._woken, self._wake):
            end.close()
        self._selector.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            self._clients[client] = _Client()
            self._selector.register(client, selectors.EVENT_READ)

    def _receive(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
        elif typed := self._clients[client].typed(data):
            self._send(typed)

    def _drop(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        del self._clients[client]
        client.close()

    def _show(self) -> None:
        with self._lock:
            if not self._clients:
                del self._waiting[:-KEPT]
                return
            data, self._waiting = bytes(self._waiting), bytearray()
        for client, state in list(self._clients.items()):
            state.show(data)
            unsent = state.unsent
            try:
                del unsent[: client.send(unsent) if unsent else 0]
            except BlockingIOError:
                pass
            except OSError:
                self._drop(client)
                continue
            if len(unsent) > BACKLOG:
                self._drop(client)
                continue
            writes = selectors.EVENT_WRITE if unsent else 0
            self._selector.modify(client, selectors.EVENT_READ | writes)
