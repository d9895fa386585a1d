# SPDX-License-Identifier: MIT
"""`ConsoleServer`: a board's console on a TCP port, as on a lab's terminal server (RFC 2217).

A raw port would not do: microcom, which `labgrid-client console` calls, always begins with a telnet
negotiation. That contains Ctrl-A, which opens MicroPython's raw REPL.
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
"""Bytes of output to keep for the next client while there is none."""
BACKLOG = 1024 * 1024
"""Bytes that a client may lag behind before it is disconnected, because the board cannot wait."""


class _Client:
    """One client's unsent data and telnet state."""

    def __init__(self) -> None:
        self.unsent = bytearray()
        # Line settings by a client (speed, parity) only affect this loopback port.
        self._telnet = PortManager(serial.serial_for_url("loop://"), self)

    def write(self, data: bytes) -> None:
        """Queue telnet commands; called by `PortManager`."""
        self.unsent += data

    def show(self, data: bytes) -> None:
        """Queue the board's output."""
        self.unsent += b"".join(self._telnet.escape(data))

    def typed(self, data: bytes) -> bytes:
        """Return the data for the board, without telnet commands."""
        return b"".join(self._telnet.filter(data))


class ConsoleServer:
    """Sends the board's output to all clients, and their input to the board.

    Output without a client is kept for the next one, so that the user who acquires the place sees
    the boot.
    """

    def __init__(self, address: str, send: Callable[[bytes], None]) -> None:
        """Listen on a free port of `address`; `send` is called with the clients' input."""
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
        """Send `data` to the clients; may be called from any thread."""
        with self._lock:
            self._waiting += data
        self._nudge()

    def close(self) -> None:
        """Disconnect all clients and stop listening."""
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
