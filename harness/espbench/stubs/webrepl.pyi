# SPDX-License-Identifier: MIT
"""MicroPython's WebREPL on a WebSocket endpoint, over ws and wss: the REPL and file transfer.

It uses MicroPython's own protocol; `webrepl_cli.py` needs an option. Only one session is open at a
time: a second client is informed and closed with 1013.

One connection is reserved for it, in addition to `max_http` and `max_https` of `httpserver.start`:
the owner can log in even while a program hangs and clients that wait for it use all others.
"""

def start(
    password: str,
    path: str = "/webrepl",
    *,
    origins: list[str] | tuple[str, ...] | None = None,
    ping_interval_ms: int = 0,
    ping_timeout_ms: int = 10000,
    webrepl_cli: bool = False,
) -> bool:
    """Register the endpoint, before or after the servers start; a second call moves it.

    A wrong password is answered with `Access denied` after 250 ms. The delay doubles with each
    further failure, up to 8 s, and also applies to a correct password after a failure.

    Args:
        password: 1 to 128 bytes that can be typed; there is no default.
        path: path of the endpoint, beginning with `/`, at most 63 bytes.
        origins: further origins whose pages may connect, as `"https://host"` or
            `"https://host:port"`, `"null"` (pages from files and sandboxes) or `"*"` (any page).
            Pages of the device's own origin may always connect: the scheme, host and port of
            their `Origin` are those of the request. A page of any other origin gets a 403. A
            client that sends no `Origin` is not a browser and is accepted.
        ping_interval_ms: how often to ping the client, in milliseconds; 0: never.
        ping_timeout_ms: how long to wait for its pong, in milliseconds.
        webrepl_cli: whether to register a second endpoint at `/`, for MicroPython's
            `webrepl_cli.py`. RFC 6455 forbids what it sends: its handshake has no version and an
            invalid key, and its frames have no mask. Only this endpoint takes that; it sends no
            pings. With `path="/"`, it is the only one.

    Returns:
        `True`.

    Raises:
        ValueError: the password is missing or too long, the path is invalid or an endpoint of
            `wsserver`, a number is out of range, or an origin is invalid.
        TypeError: `origins` is not a list or tuple.
        OSError: ENOSPC: all 32 entries for handlers and endpoints are in use; ENOMEM: no memory.

    Memory:
        The path and the origins, in the network heap. A session uses as much as its connection
        (see `httpserver`).
    """

def process_queue(timeout_ms: int = 0, /) -> int:
    """Run what the client has typed and continue a file transfer, for at most about 20 ms.

    Code that runs in the session may call it too, such as an application started from there: what
    is typed meanwhile then starts on a new line.

    Args:
        timeout_ms: how long to wait for the first input, in milliseconds.

    Returns:
        The amount of input that it processed; 0: none.

    Raises:
        SystemExit: the client typed Ctrl-D: the program ends and MicroPython restarts.
        RuntimeError: it was called by a file system written in Python, or by a scheduled function,
            while a piece of a file or of a raw paste was being processed.
    """

def stop() -> None:
    """Remove the endpoint and forget the password; the session ends."""
