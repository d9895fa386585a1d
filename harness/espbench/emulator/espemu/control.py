# SPDX-License-Identifier: MIT
"""`ControlChannel`: esp-emu's `--control-tcp`: a command a line, and a line with the answer.

Source: README.md of github.com/espressif/esp-emulator, "Host Control Channel".
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from espbench.emulator.espemu.command import HOST
from espbench.errors import QemuError
from espbench.util.timeouts import Deadline

__all__ = ["ControlChannel"]

RETRY = 0.02
"""Seconds between two attempts to connect, as nothing tells when esp-emu listens."""


class ControlChannel:
    """The control channel of a running esp-emu; several threads may use it."""

    def __init__(self, port: int) -> None:
        """Prepare; nothing is connected yet.

        Args:
            port: the port of 127.0.0.1 on which esp-emu listens, or will listen.
        """
        self._port = port
        self._socket: socket.socket | None = None
        self._received = b""
        self._lock = threading.Lock()

    def connect(self, deadline: Deadline, ended: Callable[[float], bool]) -> bool:
        """Connect, and return whether esp-emu answers; False if it ended first.

        Args:
            deadline: until when it has to.
            ended: returns whether esp-emu ends within so many seconds.

        Raises:
            QemuError: it did not answer in time.
        """
        while self._socket is None:
            try:
                timeout = max(RETRY, deadline.remaining())
                self._socket = socket.create_connection((HOST, self._port), timeout)
            except OSError as error:
                if ended(RETRY):
                    return False
                if deadline.expired():
                    raise QemuError(
                        f"esp-emu did not open its control channel within {deadline} ({error}): "
                        "check its version with esp-emu --version."
                    ) from None
        try:
            self.execute("ping", deadline)
        except QemuError:
            if ended(RETRY):
                return False
            raise
        return True

    def execute(self, command: str, deadline: Deadline) -> str:
        """Execute a command, and return the value that it answers; "ok" for none.

        Raises:
            QemuError: esp-emu refused it, or did not answer.
        """
        with self._lock:
            if self._socket is None:
                raise QemuError(f"esp-emu is not running, so it cannot execute {command!r}.")
            try:
                self._socket.settimeout(max(RETRY, deadline.remaining()))
                self._socket.sendall(command.encode() + b"\n")
                answer = self._line()
            except OSError as error:
                raise QemuError(f"esp-emu did not answer {command!r}: {error}.") from error
        if answer.startswith("err:"):
            reason = answer.removeprefix("err:").strip()
            raise QemuError(f"esp-emu refused {command!r}: {reason}.")
        return answer

    def _line(self) -> str:
        """Return the next line that esp-emu sends.

        Raises:
            OSError: it closed the channel, or sent nothing in time.
        """
        assert self._socket is not None
        while b"\n" not in self._received:
            data = self._socket.recv(4096)
            if not data:
                raise ConnectionResetError("it closed its control channel")
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line.decode(errors="replace").strip()

    def close(self) -> None:
        """Close the channel."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None
