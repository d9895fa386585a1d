"""A client for MicroPython's WebREPL: the password, then lines of the REPL.

The protocol is that of MicroPython's extmod/modwebrepl.c: the server asks ``Password: ``,
and answers ``WebREPL connected`` and the prompt, or ``Access denied``.
"""

from __future__ import annotations

from typing import Protocol

from espbench.clients.errors import WebReplError
from espbench.clients.stream import TIMEOUT
from espbench.deadline import Deadline

PROMPT = ">>> "


class TextSocket(Protocol):
    """What the client needs of a WebSocket."""

    def send(self, data: str | bytes) -> None:
        """Send one message."""

    def receive(self, timeout: float | Deadline | None = None) -> str | bytes:
        """Return the next message."""


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
        self.read_until("Password: ")
        socket.send(password + "\r")
        answer = self.read_until(PROMPT, "Access denied\r\n")
        if "WebREPL connected" not in answer:
            raise WebReplError("The device refused the WebREPL's password.")

    def line(self, source: str) -> str:
        """Run one line; return what it printed, without the echo and the prompt."""
        self.socket.send(source + "\r")
        answer = self.read_until(PROMPT)
        echo, _, output = answer.removesuffix(PROMPT).partition("\r\n")
        if source not in echo:
            raise WebReplError(f"The WebREPL echoed {echo!r} instead of {source!r}.")
        return output.replace("\r\n", "\n")

    def read_until(self, *ends: str) -> str:
        """Return the text up to and with the first of these ends."""
        deadline = Deadline(self.timeout)
        while True:
            found = [self._text.find(end) + len(end) for end in ends if end in self._text]
            if found:
                text, self._text = self._text[: min(found)], self._text[min(found) :]
                return text
            data = self.socket.receive(deadline)
            if isinstance(data, bytes):
                raise WebReplError("The WebREPL sent a binary frame where text was expected.")
            self._text += data
