# SPDX-License-Identifier: MIT
"""MicroPython's WebREPL on a WebSocket endpoint, over ws and wss: its REPL and its file transfer.

It speaks MicroPython's own protocol, so its standard clients work. One session at a time: a second
client is told so and closed with 1013.

It has a place of its own, beyond `max_http` and `max_https` of `httpserver.start`: its owner gets
in while all of those are taken by clients that wait for a program which does not answer.
"""

def start(
    password: str,
    path: str = "/webrepl",
    *,
    origins: list[str] | tuple[str, ...] | None = None,
    ping_interval_ms: int = 0,
    ping_timeout_ms: int = 10000,
) -> bool:
    """Register the endpoint, before or after the servers start; called again, it moves it.

    A wrong password is answered with `Access denied`, later with each failure in a row: after
    250 ms, doubled each time, at most 8 s; a right one after a failure waits as long.

    Args:
        password: 1 to 128 bytes that can be typed; there is no default.
        path: where it is, beginning with `/`, at most 63 bytes.
        origins: further origins whose pages may connect, as `"https://host"` or
            `"https://host:port"`, `"null"` (pages from files and sandboxes) or `"*"` (any page).
            Pages of the device's own origin always may: scheme, host and port of their `Origin`
            are those of the request. A page of any other origin gets a 403. Clients that send no
            `Origin` are not browsers and are let in.
        ping_interval_ms: how often to ping the client, in milliseconds; 0: never.
        ping_timeout_ms: how long to wait for its pong, in milliseconds.

    Returns:
        `True`.

    Raises:
        ValueError: the password is missing or too long, the path is out of range, a number is, or
            an origin is none.
        TypeError: `origins` is no list or tuple.
        OSError: ENOSPC: all 32 places for handlers and endpoints are taken; ENOMEM: no memory.

    Memory:
        The path and the origins, in the network heap. A session takes what its connection takes
        (see `httpserver`).
    """

def process_queue(timeout_ms: int = 0, /) -> int:
    """Run what the client has typed, and go on with a file transfer, for about 20 ms at most.

    Code that was typed may call it, such as an application that was started over the session: what
    is typed meanwhile begins on a line of its own.

    Args:
        timeout_ms: how long to wait for the first input, in milliseconds.

    Returns:
        How much it served; 0: nothing.

    Raises:
        SystemExit: the client typed Ctrl-D: the program ends and MicroPython starts anew.
        RuntimeError: it was called while a piece of a file or of a raw paste was being taken, by a
            file system written in Python or a scheduled function.
    """

def stop() -> None:
    """Remove the endpoint and forget the password; the session ends."""
