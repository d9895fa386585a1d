# SPDX-License-Identifier: MIT
"""A client for MicroPython's WebREPL: login, lines of the REPL, and file transfer.

The protocol is that of MicroPython's extmod/modwebrepl.c and its client webrepl_cli.py: the server
asks ``Password: ``, and answers ``WebREPL connected`` and the prompt, or ``Access denied``. Text
frames carry the REPL. Binary frames carry files: a request has 82 bytes and begins with ``WA``, a
response consists of ``WB`` and a status code, 0 for success.
"""

from __future__ import annotations

import struct
from typing import Protocol

from espbench.clients.errors import WebReplError
from espbench.clients.tcp import TIMEOUT
from espbench.util.timeouts import Deadline

__all__ = ["PROMPT", "TextSocket", "WebRepl", "request"]

PROMPT = ">>> "
PUT, GET, VERSION = 1, 2, 3
PIECE = 1024
"""Bytes of a file in one frame, as in webrepl_cli.py."""


class TextSocket(Protocol):
    """The part of a WebSocket that the client uses."""

    def send(self, data: str | bytes) -> None:
        """Send one message."""

    def receive(self, timeout: float | Deadline | None = None) -> str | bytes:
        """Return the next message."""


def request(operation: int, name: str = "", size: int = 0, *, name_length: int = -1) -> bytes:
    """Return a request for a file operation: struct ``<2sBBQLH64s``.

    Args:
        operation: PUT, GET or VERSION.
        name: name of the file, at most 64 bytes.
        size: size of the file to put, in bytes.
        name_length: a wrong length of the name to send; negative: the right one.
    """
    encoded = name.encode()
    length = len(encoded) if name_length < 0 else name_length
    return struct.pack("<2sBBQLH64s", b"WA", operation, 0, 0, size, length, encoded)


class WebRepl:
    """A WebREPL session over an open WebSocket."""

    def __init__(self, socket: TextSocket, password: str, timeout: float = TIMEOUT) -> None:
        """Log in.

        Raises:
            WebReplError: the password was refused.
            ClientTimeout: the device did not ask or answer in time.
        """
        self.socket = socket
        self.timeout = timeout
        self._text = ""
        self._binary = b""
        self.read_until("Password: ")
        socket.send(password + "\r")
        answer = self.read_until(PROMPT, "Access denied\r\n")
        if "WebREPL connected" not in answer:
            raise WebReplError("The device refused the WebREPL's password.")

    def line(self, source: str) -> str:
        """Run one line; return its output, without the echo and the prompt."""
        self.socket.send(source + "\r")
        answer = self.read_until(PROMPT)
        echo, _, output = answer.removesuffix(PROMPT).partition("\r\n")
        if source not in echo:
            raise WebReplError(f"The WebREPL echoed {echo!r} instead of {source!r}.")
        return output.replace("\r\n", "\n")

    def type(self, text: str, *ends: str) -> str:
        """Send text unchanged; return the output up to and including one of these ends."""
        self.socket.send(text)
        return self.read_until(*ends or (PROMPT,))

    def read_until(self, *ends: str) -> str:
        """Return the text up to and including the first of these ends."""
        deadline = Deadline(self.timeout)
        while True:
            found = [self._text.find(end) + len(end) for end in ends if end in self._text]
            if found:
                text, self._text = self._text[: min(found)], self._text[min(found) :]
                return text
            self._receive(deadline)

    # ---------------------------------------------------------------- files

    def version(self) -> tuple[int, int, int]:
        """Return the version of MicroPython that the device reports."""
        self.socket.send(request(VERSION))
        major, minor, micro = self.read_bytes(3)
        return major, minor, micro

    def put(self, name: str, data: bytes, *, piece: int = PIECE) -> None:
        """Write a file.

        Raises:
            WebReplError: the device refused it; `code` is MicroPython's errno.
        """
        self.socket.send(request(PUT, name, len(data)))
        self.expect_good(f"put {name!r}")
        for position in range(0, len(data), piece):
            self.socket.send(data[position : position + piece])
        self.expect_good(f"put {name!r}")

    def get(self, name: str) -> bytes:
        """Read a file.

        Raises:
            WebReplError: the device refused it; `code` is MicroPython's errno.
        """
        self.socket.send(request(GET, name))
        self.expect_good(f"get {name!r}")
        data = b""
        while True:
            self.socket.send(b"\0")
            (size,) = struct.unpack("<H", self.read_bytes(2))
            if size == 0:
                break
            data += self.read_bytes(size)
        self.expect_good(f"get {name!r}")
        return data

    def answer(self) -> int:
        """Return the code of the next ``WB`` response."""
        signature, code = struct.unpack("<2sH", self.read_bytes(4))
        if signature != b"WB":
            raise WebReplError(f"The WebREPL answered with {signature!r} instead of b'WB'.")
        return int(code)

    def expect_good(self, what: str) -> None:
        """Receive a response; raise `WebReplError` if its code is not 0."""
        if code := self.answer():
            raise WebReplError(f"The device could not {what}: errno {code}.", code=code)

    def read_bytes(self, count: int) -> bytes:
        """Return this many bytes from the binary frames."""
        deadline = Deadline(self.timeout)
        while len(self._binary) < count:
            self._receive(deadline)
        data, self._binary = self._binary[:count], self._binary[count:]
        return data

    def _receive(self, deadline: Deadline) -> None:
        data = self.socket.receive(deadline)
        if isinstance(data, bytes):
            self._binary += data
        else:
            self._text += data
