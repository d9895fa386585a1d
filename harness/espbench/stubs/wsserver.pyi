# SPDX-License-Identifier: MIT
"""WebSocket endpoints, there on ws and wss alike.

Events are delivered by `httpserver.process_queue`. Pings are answered and close handshakes made
below Python, also while a handler runs. A client is a number that belongs to one session and is
not used again. A callback may call every function here, but not `process_queue`.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias, overload

Data: TypeAlias = bytes | bytearray | memoryview
"""What goes out as it is."""

def start(
    path: str = "/ws",
    *,
    max_message: int = 16384,
    ping_interval_ms: int = 0,
    ping_timeout_ms: int = 10000,
    origins: list[str] | tuple[str, ...] | None = None,
) -> bool:
    """Register an endpoint, before or after the servers start; several paths may be registered.

    Args:
        path: where it is, beginning with `/`.
        max_message: most bytes of a message, up to 1048576; a longer one ends the session with
            1009.
        ping_interval_ms: how often to ping each client, in milliseconds; 0: never.
        ping_timeout_ms: how long to wait for its pong, in milliseconds.
        origins: further origins whose pages may connect, as `"https://host"` or
            `"https://host:port"`, `"null"` (pages from files and sandboxes) or `"*"` (any page).
            Pages of the device's own origin always may: scheme, host and port of their `Origin`
            are those of the request. A page of any other origin gets a 403. Clients that send no
            `Origin` are not browsers and are let in.

    Returns:
        `True`.

    Raises:
        ValueError: the path does not begin with `/`, a number is out of its range, or an origin is
            none.
        TypeError: `origins` is no list or tuple.
        OSError: ENOSPC: all 32 places are taken (handlers count too); ENOMEM: no memory.

    Memory:
        The path. A session takes what its connection takes (see `httpserver`), and a message its
        bytes until the callback has run.
    """

def stop(path: str | None = None, /) -> None:
    """Remove an endpoint, or all of this module's; its sessions are closed with 1001."""

@overload
def on(event: Literal["connect"], callback: Callable[[int], object] | None, /) -> None:
    """Set what is called when a client has connected: `callback(client)`; `None`: nothing."""

@overload
def on(event: Literal["message"], callback: Callable[[int, str | bytes], object] | None, /) -> None:
    """Set what is called with a message: `callback(client, data)`, text as `str`, binary as
    `bytes`."""

@overload
def on(event: Literal["disconnect"], callback: Callable[[int, int], object] | None, /) -> None:
    """Set what is called when a session has ended: `callback(client, code)`.

    The code is the one that the client sent, or 1005 (it sent none) or 1006 (the connection broke).
    There is one callback for each event, of all endpoints. One that raises ends the session with
    1011, and its traceback goes to the console.

    Raises:
        ValueError: there is no such event.
        TypeError: the callback cannot be called.
    """

def send(client: int, data: str | Data, /) -> bool:
    """Send a message: text from `str`, binary from anything else. It is copied.

    Returns:
        Whether it was queued; `False` when the session is gone or closing, its reader is too slow,
        or memory is missing.

    Memory:
        The message, in the network heap, until the client has taken it.
    """

def close(client: int, code: int = 1000, reason: str = "") -> bool:
    """Begin to close a session.

    Args:
        client: whose.
        code: one that may be sent (RFC 6455, 7.4).
        reason: at most 123 bytes.

    Returns:
        Whether the session was open.

    Raises:
        ValueError: the code may not be sent, or the reason is too long.
    """

def clients() -> list[int]:
    """Return the clients that are connected, as the callbacks have been told."""
