# SPDX-License-Identifier: MIT
"""A minimal client of gdb's remote protocol, because Debian has no gdb for Xtensa."""

from __future__ import annotations

import socket


class RemoteGdb:
    """A connection to a gdb server ("GDB Remote Serial Protocol", Debugging with GDB, app. E)."""

    def __init__(self, port: int) -> None:
        """Connect to this port of the loopback interface."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def _send(self, packet: str) -> None:
        self._socket.sendall(f"${packet}#{sum(packet.encode()) % 256:02x}".encode())

    def _receive(self) -> str:
        text = self._packet()
        self._socket.sendall(b"+")
        return text

    def _packet(self) -> str:
        while self._file.read(1) != b"$":
            pass
        text = b""
        while (byte := self._file.read(1)) != b"#":
            text += byte
        self._file.read(2)
        return text.decode()

    def ask(self, packet: str) -> str:
        """Send a packet and return the answer."""
        self._send(packet)
        return self._receive()

    def registers(self) -> list[int]:
        """Return the registers of a 32-bit core, in QEMU's order."""
        data = bytes.fromhex(self.ask("g").replace("x", "0"))
        return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]

    def run_to(self, address: int) -> str:
        """Run to a breakpoint; return the stop reply."""
        assert self.ask(f"Z1,{address:x},1") == "OK"
        stopped = self.ask("c")
        assert self.ask(f"z1,{address:x},1") == "OK"
        return stopped

    def detach(self) -> None:
        """Detach and let the guest run."""
        self._send("D")
        # Old versions of QEMU send a stop reply when a client connects and stops the guest. It gets
        # no acknowledgement: a byte too many would stop the guest again.
        while (answer := self._packet()).startswith("T"):
            pass
        assert answer == "OK"
        self._socket.sendall(b"+")
