# SPDX-License-Identifier: MIT
"""The errors that clients raise: `ClientError` and its subclasses."""

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
    """A client's operation on the device failed."""


class ClientTimeout(ClientError):
    """The device did not respond in time."""


class ConnectionEnded(ClientError):
    """The connection was closed, reset or refused.

    Attributes:
        reset: True when it ended with a TCP reset, False when it was closed with a FIN.
    """

    def __init__(self, message: str, *, reset: bool) -> None:
        super().__init__(message)
        self.reset = reset


class TlsError(ClientError):
    """The TLS handshake or a record failed.

    Attributes:
        reason: OpenSSL's reason code, such as ``WRONG_VERSION_NUMBER``, or "".
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class HttpError(ClientError):
    """The device's response is not valid HTTP/1.1."""


class WebSocketError(ClientError):
    """The device violated RFC 6455, or refused the upgrade.

    Attributes:
        status: the HTTP status when the upgrade was refused, else None.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class WebReplError(ClientError):
    """The WebREPL refused the password or a file, or sent an unknown response.

    Attributes:
        code: MicroPython's errno when a file was refused, else None.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
