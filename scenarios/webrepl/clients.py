# SPDX-License-Identifier: MIT
"""Clients for WebREPL, and helpers that several of its suites share."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any, Self

import pytest
import websocket
from espbench.clients import ClientTimeout, Endpoints, Frame, WebSocketError
from espbench.clients.websocket import CLOSE, RawWebSocket, close_payload
from espbench.util.timeouts import Deadline

PASSWORD = "espbench"
WRONG = "not-the-password"
BOTH = pytest.mark.parametrize("scheme", ["ws", "wss"])


class WebsocketClient:
    """The websocket-client library, used as in the users' guide: certificates are not verified."""

    def __init__(self, url: str) -> None:
        self.connection = websocket.create_connection(
            url, timeout=10, sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
        )

    def send(self, data: str | bytes) -> None:
        """Send one message."""
        text = isinstance(data, str)
        self.connection.send(
            data, websocket.ABNF.OPCODE_TEXT if text else websocket.ABNF.OPCODE_BINARY
        )

    def receive(self, timeout: float | Deadline | None = None) -> str | bytes:
        """Return the next message."""
        self.connection.settimeout(Deadline.of(10.0 if timeout is None else timeout).remaining())
        try:
            opcode, data = self.connection.recv_data()
        except websocket.WebSocketTimeoutException:
            raise ClientTimeout("websocket-client got no message in time.") from None
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise WebSocketError(f"The device closed with {int.from_bytes(data[:2], 'big')}.")
        return str(data, "utf-8") if opcode == websocket.ABNF.OPCODE_TEXT else bytes(data)

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.connection.close()


Opens = Callable[[str], Any]


def refusal(websocket: RawWebSocket) -> tuple[str, int]:
    """Return the text that a client receives and its close code."""
    text = ""
    while True:
        try:
            text += str(websocket.receive())
        except WebSocketError as error:
            code = int(str(error).split(" with ")[1].split()[0])
            websocket.send_frame(Frame(CLOSE, close_payload(code)))
            websocket.wait_until_gone()
            websocket.stream.close()
            return text, code


def attempt(endpoints: Endpoints, password: str, scheme: str = "ws") -> tuple[str, int, float]:
    """Try a password; return the answer, the close code and the seconds taken."""
    websocket = endpoints[scheme].websocket("/webrepl")
    assert websocket.receive() == "Password: "
    started = time.monotonic()
    websocket.send(password + "\r")
    text, code = refusal(websocket)
    return text, code, time.monotonic() - started


def content(size: int) -> bytes:
    """Return this many bytes, with all values and a period that is not a power of two."""
    return bytes((i * 7 + i // 251) & 0xFF for i in range(size))
