# SPDX-License-Identifier: MIT
"""WebSocket endpoints (RFC 6455) on ws and wss.

`httpserver.process_queue` runs the callbacks. Pings and close handshakes are handled below Python,
even while a handler runs. A client is identified by a number that belongs to one session and is
not reused. A callback may call every function of this module, but not `process_queue`.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias, overload

Data: TypeAlias = bytes | bytearray | memoryview
"""Binary data, sent unchanged."""

def start(
    path: str = "/ws",
    *,
    max_message: int = 16384,
    ping_interval_ms: int = 0,
    ping_timeout_ms: int = 10000,
    origins: list[str] | tuple[str, ...] | None = None,
    protocols: list[str] | tuple[str, ...] | None = None,
) -> bool:
    """Register an endpoint, before or after the servers start; several paths may be registered.

    Args:
        path: path of the endpoint, beginning with `/`.
        max_message: maximum size of a message, up to 1048576 bytes; a longer one ends the session
            with 1009.
        ping_interval_ms: how often to ping each client, in milliseconds; 0: never.
        ping_timeout_ms: how long to wait for its pong, in milliseconds.
        origins: further origins whose pages may connect, as `"https://host"` or
            `"https://host:port"`, `"null"` (pages from files and sandboxes) or `"*"` (any page).
            Pages of the device's own origin may always connect: the scheme, host and port of
            their `Origin` are those of the request. A page of any other origin gets a 403. A
            client that sends no `Origin` is not a browser and is accepted.
        protocols: subprotocols that the endpoint speaks (RFC 6455, 1.9), such as `("mqtt",)`. A
            session gets the first one of its client's list that is among them. A client that offers
            none of them gets a session without one, which a browser closes if it has offered any.

    Returns:
        `True`.

    Raises:
        ValueError: the path does not begin with `/` or is an endpoint of another module, such as
            the WebREPL's, a number is out of range, an origin is invalid, or a subprotocol is not a
            token of at most 64 bytes.
        TypeError: `origins` or `protocols` is not a list or tuple.
        OSError: ENOSPC: all 32 entries for handlers and endpoints are in use; ENOMEM: no memory.

    Memory:
        The path, in the network heap. A session uses as much as its connection (see `httpserver`),
        and a message its size until the callback has run.
    """

def stop(path: str | None = None, /) -> None:
    """Remove an endpoint, or all of this module; their sessions are closed with 1001.

    An endpoint of another module, such as the WebREPL's, stays.
    """

@overload
def on(event: Literal["connect"], callback: Callable[[int], object] | None, /) -> None:
    """Set the callback for a new session, `callback(client)`; `None` removes it."""

@overload
def on(event: Literal["message"], callback: Callable[[int, str | bytes], object] | None, /) -> None:
    """Set the callback for a message, `callback(client, data)`: text is `str`, binary `bytes`."""

@overload
def on(event: Literal["disconnect"], callback: Callable[[int, int], object] | None, /) -> None:
    """Set the callback for the end of a session, `callback(client, code)`.

    The code is the one that the client sent, 1005 if it sent none, or 1006 if the connection broke.
    Each event has one callback for all endpoints. If it raises, the session ends with 1011, and the
    traceback goes to the console.

    Raises:
        ValueError: the event is unknown.
        TypeError: the callback is not callable.
    """

def send(client: int, data: str | Data, /) -> bool:
    """Send a message: text if `data` is `str`, binary otherwise. The data is copied.

    Returns:
        Whether it was queued; `False` if the session has ended or is closing, the client reads too
        slowly, or memory is insufficient.

    Memory:
        The message, in the network heap, until the client has received it.
    """

def close(client: int, code: int = 1000, reason: str = "") -> bool:
    """Start the closing handshake of a session.

    Args:
        client: the client's number.
        code: a close code that may be sent (RFC 6455, 7.4).
        reason: at most 123 bytes.

    Returns:
        Whether the session was open.

    Raises:
        ValueError: the code may not be sent, or the reason is too long.
    """

def protocol(client: int, /) -> str | None:
    """Return a session's subprotocol; `None` if it has none, or is not one of `clients`."""

def clients() -> list[int]:
    """Return the clients whose `connect` callback has run, but not yet `disconnect`."""
