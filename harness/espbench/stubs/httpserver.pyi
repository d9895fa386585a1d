# SPDX-License-Identifier: MIT
"""HTTP and HTTPS at once, with one table of handlers for both.

The network, TLS and the parsing of requests run below Python. What has arrived waits in a queue
until `process_queue` runs the handlers, in Python's thread: a handler that takes long delays other
handlers, but no handshake, ping or transfer.

Memory is the network heap's, which Python's garbage collector knows nothing of. On the board `lx60`
it has 180 kB by default, and an open connection takes 0.3 kB over HTTP and 24 kB over HTTPS (33 kB
during the handshake); on the ESP32 boards, whose TLS buffers come and go, one over HTTPS takes 3 kB
(20 kB during the handshake). A request takes its header and body until it is answered, an answer
its body until the client has it.

Handlers, callbacks of `wsserver` and streams written in Python may call every function of these
modules but one: `process_queue` runs them, and raises RuntimeError when they call it.
"""

from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from typing import (
    Literal,
    NotRequired,
    Protocol,
    TypeAlias,
    TypedDict,
    final,
    type_check_only,
)

Data: TypeAlias = bytes | bytearray | memoryview
"""What goes out as it is."""

@final
@type_check_only
class Request:
    """What a handler gets."""

    method: str
    """`"GET"`, `"POST"`, ... as sent."""
    uri: str
    """The request's target as sent: path and query, nothing decoded."""
    path: str
    """The part of `uri` before `?`."""
    query: str
    """The part of `uri` behind `?`, or `""`."""
    headers: dict[str, str | bytes]
    """Values by name in lower case; repeated ones are joined by `", "` (RFC 9110, 5.3). A value
    that is not UTF-8 is bytes."""
    body: bytes
    """All of it, `b""` if there is none."""
    secure: bool
    """Whether it came over HTTPS."""

@type_check_only
class Readable(Protocol):
    """A stream of known length: what `open(path, "rb")` and `io.BytesIO` give."""

    def read(self, size: int = -1, /) -> bytes:
        """Return bytes from the position on."""

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Go to a position and return it."""

    def close(self) -> None:
        """End it."""

@type_check_only
class Certificate(TypedDict):
    """The device's own certificate."""

    name: str
    """The subject's common name; without one its first DNS name."""
    not_after: str
    """When it expires, in UTC: `2049-01-01T00:00:00Z`."""

@type_check_only
class Listener(TypedDict):
    """A server that runs."""

    port: int
    """Where it listens."""
    max: int
    """Connections at once."""
    certificate: NotRequired[Certificate]
    """Of HTTPS only."""

@type_check_only
class Info(TypedDict):
    """What `info` returns."""

    uptime_ms: int
    """Since the board's last reset."""
    http: Listener | None
    """`None`: it does not run."""
    https: Listener | None
    """`None`: it does not run."""

@type_check_only
class SchemeStats(TypedDict):
    """Connections of one server; all but `open` count since the start."""

    open: int
    """Open now, those in a handshake included."""
    accepted: int
    """Accepted."""
    purged: int
    """Closed to make place for a newer one (`full="purge"`)."""
    refused: int
    """Turned away because there was no place."""
    closed: int
    """Ended, for whatever reason."""
    errors: int
    """Ended by a failure; each has a line on the console."""

@type_check_only
class HandshakeStats(TypedDict):
    """TLS handshakes since the start."""

    ok: int
    """Completed."""
    failed: int
    """Ended by an error."""
    timeout: int
    """Given up after `handshake_timeout_ms`."""

@type_check_only
class WebSocketStats(TypedDict):
    """WebSocket sessions of both servers; all but `open` count since the start."""

    open: int
    """Open now."""
    accepted: int
    """Upgraded."""
    messages_in: int
    """Messages received."""
    messages_out: int
    """Messages sent."""
    pings: int
    """Pings received and sent."""
    closed: int
    """Ended."""

@type_check_only
class QueueStats(TypedDict):
    """The queues between network and Python."""

    depth: int
    """Items that wait now."""
    max: int
    """Most that ever waited."""
    full: int
    """How often there was no place: a request or a new session then gets 503, a WebSocket message
    waits."""

@type_check_only
class Stats(TypedDict):
    """What `stats` returns."""

    http: SchemeStats
    """The plain server."""
    https: SchemeStats
    """The TLS server."""
    handshakes: HandshakeStats
    """TLS handshakes."""
    requests: int
    """Requests that reached the queue."""
    responses: dict[str, int]
    """How often each status was sent, by its number as text."""
    websocket: WebSocketStats
    """WebSockets."""
    queue: QueueStats
    """Queues."""
    alloc_failures: int
    """Allocations that failed in the network heap."""
    failures: dict[str, int]
    """Failures by cause, such as `no_memory` or `tls_alert`; only those that happened."""

def start(
    port: int = 80,
    cert_file: str | None = None,
    key_file: str | None = None,
    *,
    https_port: int = 443,
    max_http: int = 10,
    max_https: int = 4,
    full: Literal["purge", "refuse"] = "purge",
    handshake_timeout_ms: int = 10000,
    idle_timeout_ms: int = 0,
    response_timeout_ms: int = 60000,
    max_body: int = 16384,
    queue: int = 16,
) -> bool:
    """Start HTTP, and with both files HTTPS too.

    Called again, it restarts what differs: other files (or the same names with other contents)
    restart HTTPS only, no files end it, and what stays the same keeps its connections.

    Args:
        port: where HTTP listens, 1 to 65535.
        cert_file: path of the certificates in PEM, the device's own first.
        key_file: path of its private key in PEM, not encrypted: RSA from 2048 bits, P-256 or P-384.
        https_port: where HTTPS listens, 1 to 65535.
        max_http: connections at once over HTTP, 1 to 250. Together with `max_https` no more than
            lwIP is configured for: 52 on the bench's boards (`CONFIG_LWIP_MAX_ACTIVE_TCP` on
            ESP-IDF, less sockets and newcomers).
        max_https: connections at once over HTTPS, 1 to 250; on `lx60` each takes 24 kB,
            33 kB at its peak.
        full: what becomes of one more: it replaces the one that was idle for longest, or is
            refused; so it is with `"purge"`, too, when all of them wait for answers or send. With
            either, a client that waits for its answer and has sent a FIN goes first, with a 503: it
            has probably gone. The WebREPL has a place beyond both limits (see `webrepl`).
        handshake_timeout_ms: for a whole TLS handshake, however its bytes arrive, in milliseconds.
        idle_timeout_ms: until a kept-alive connection without a request is closed, in
            milliseconds; 0: never.
        response_timeout_ms: until a request that has no answer is answered with 503 and its
            connection closed, in milliseconds; 0: never. If its handler has not begun, it is not
            called; if it is running, its `send` returns `False`. A body that is sent in pieces ends
            when there was no piece for so long.
        max_body: most bytes of a request's body, 0 to 1048576; more is answered with 413.
        queue: most requests, new WebSocket sessions and messages that wait for `process_queue`,
            1 to 1000; one more request or session is answered with 503, a message waits. The same
            happens when more than `max_body` bytes of bodies, or of messages, wait and take memory
            that TLS sessions up to `max_https` and the WebREPL's would need.

    Returns:
        Whether all that was asked for runs. If not, one line on the console says why, such as
        `Failed to start HTTPS server: certificate file not found: /certs/servercert.pem`; HTTP
        runs all the same when only HTTPS failed.

    Raises:
        ValueError: a number is out of its range, or `full` is something else.
        TypeError: an argument has another type.

    Memory:
        On `lx60` about 3.3 kB of the network heap for an RSA-2048 pair as long as HTTPS runs, and
        1.9 kB more from the first handshake on (an RSA key's constants).
    """

def stop() -> None:
    """Stop both servers: connections end, the key is wiped; handlers and endpoints stay registered.

    A handler that stops or restarts its server ends its own connection too: its answer goes nowhere
    and `send` returns `False`.
    """

def https_running() -> bool:
    """Return whether HTTPS runs."""

def on(uri: str, handler: Callable[[Request], str | Data | None], method: str = "GET") -> None:
    """Register a handler, on both servers; one that is there already for path and method is
    replaced.

    The handler answers by calling `send`, or by what it returns: text or bytes are the body of a
    200, `None` without `send` is a 204. An exception is a 500, and its traceback goes to the
    console. A path without a handler is a 404, another method of a path that has one is a 405 with
    `Allow`. HEAD is answered by the handler of GET.

    Args:
        uri: the path, beginning with `/`; with a `*` at its end it fits everything that begins so.
            An exact path comes before a longer beginning, that before a shorter one.
        handler: called with the request, by `process_queue`.
        method: `GET`, `POST`, `PUT`, `DELETE`, `PATCH`, `OPTIONS` or `HEAD`.

    Raises:
        ValueError: `uri` does not begin with `/`, or the method is unknown.
        TypeError: the handler cannot be called.
        OSError: ENOSPC: all 32 places are taken (WebSocket endpoints count too); ENOMEM: no memory.

    Memory:
        The path, in the network heap.
    """

def off(uri: str, method: str | None = None, /) -> bool:
    """Remove the handler of a path and a method, or those of all its methods.

    A handler that is running goes on, and its request is answered.

    Returns:
        Whether there was one.

    Raises:
        ValueError: the method is unknown.
    """

def send(
    content: str | Data | Readable | BytesIO | None,
    status: int = 200,
    content_type: str | None = None,
    headers: Mapping[str, object] | Iterable[tuple[str, object]] | None = None,
) -> bool:
    """Answer the request whose handler is running; once.

    Args:
        content: the body; `None` is none. Text and bytes are copied. A stream (a file opened
            `"rb"`, `io.BytesIO`) is sent from its position to its end, in pieces as the client
            takes them, by `process_queue`, and closed; 16 at once, one more gets a 503. It may be
            written in Python: a class derived from `io.IOBase`, with `ioctl` and `readinto`. One
            that raises, or gives less than its length, ends the connection.
        status: 200 to 999.
        content_type: `None` is `text/plain; charset=utf-8`.
        headers: more header lines, as a dictionary, or as pairs when a name is to appear twice.

    Returns:
        Whether it was queued; `False` when the client is gone, the answer is overdue
        (`response_timeout_ms`) or memory is missing.

    Raises:
        RuntimeError: no request waits for an answer, or Python that `send` ran (an iterator of
            headers, a `__str__`, a stream's `ioctl`) has answered it.
        ValueError: the status is out of range, or a header holds a line break or the like.
        OSError: the stream's length cannot be found.

    Memory:
        Header and body, in the network heap, until the client has taken them; of a stream at most
        about 8 kB for each client, whatever its length.
    """

def process_queue(timeout_ms: int = 0, /) -> int:
    """Run the handlers of the requests and WebSocket events that have arrived.

    A request is dropped, and its handler not called, when its client has reset the connection by
    then, or has been answered with 503 because it waited too long or its place was needed.

    Args:
        timeout_ms: how long to wait for the first one, in milliseconds, up to a day. It also
            returns when a WebREPL has input, so that a loop of both `process_queue` calls needs no
            sleep.

    Returns:
        How many it ran, at most 64.

    Raises:
        KeyboardInterrupt: Ctrl-C, on the console; other exceptions of handlers are answered with
            500.
        RuntimeError: a handler, a callback or a stream called it.
    """

def static(uri: str, directory: str, /) -> None:
    """Serve the files below a directory, for GET and HEAD, with media type and ETag.

    `index.html` stands for its directory. Where there is a `name.gz` beside `name`, clients that
    accept gzip get that; If-None-Match is answered with 304. Never served are `/certs`, names that
    begin with a dot, and keys (`*.pem`, `*.key` and the like); from `/` itself also programs and
    `/config.json`.

    Args:
        uri: where they appear, absolute.
        directory: where they are, absolute.

    Raises:
        ValueError: one of the two is not absolute, or the directory holds keys.
        OSError: ENOSPC: the 32 places for handlers do not suffice (it takes two); ENOMEM: no
            memory.

    Memory:
        As `send` has it for streams; and some 0.1 kB of Python's heap for each file's ETag, of the
        last 32.
    """

def info() -> Info:
    """Return what runs: ports, limits, and the certificate's name and expiry.

    Memory:
        Less than 1 kB of Python's heap.
    """

def stats() -> Stats:
    """Return figures of both servers. They are counted by each board's own transport.

    Memory:
        Some 2 kB of Python's heap for the dictionary.
    """
