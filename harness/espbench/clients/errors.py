# SPDX-License-Identifier: MIT
"""The errors that clients raise: `ClientError` and those below it."""

from __future__ import annotations

from espbench.errors import EspbenchError

__all__ = [
    "ClientError",
    "ClientTimeout",
    "ConnectionEnded",
    "HttpError",
    "TlsError",
    "WebReplError",
    "WebSocketError",
]


class ClientError(EspbenchError):
    """A client did not get what it wanted from the device."""


class ClientTimeout(ClientError):
    """The device did not do its part in time."""


class ConnectionEnded(ClientError):
    """The connection was closed, reset or refused.

    Attributes:
        reset: True when it ended with a TCP reset, False when it ended in an orderly way.
    """

    def __init__(self, message: str, *, reset: bool) -> None:
        super().__init__(message)
        self.reset = reset


class TlsError(ClientError):
    """The handshake or a record failed.

    Attributes:
        reason: OpenSSL's own word for it, such as ``WRONG_VERSION_NUMBER``, or "".
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class HttpError(ClientError):
    """What came back is no HTTP/1.1 answer."""


class WebSocketError(ClientError):
    """What came back breaks RFC 6455, or the upgrade was refused.

    Attributes:
        status: the HTTP status when the upgrade was refused, else None.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class WebReplError(ClientError):
    """The WebREPL refused the password or a file, or said something unknown.

    Attributes:
        code: MicroPython's errno when a file was refused, else None.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
