# SPDX-License-Identifier: MIT
"""An HTTP and an HTTPS server that share their handlers.

The network, TLS and the parsing of requests run below Python. Requests wait in a queue until
`process_queue` runs their handlers in Python's thread: a slow handler delays other handlers, but
not handshakes, pings or transfers.

The servers use the network heap, which is separate from Python's. On the board `lx60` it has 180 kB
by default. There an open connection takes 0.3 kB over HTTP and 24 kB over HTTPS (33 kB during the
handshake). On the ESP32 boards, which allocate TLS buffers only as needed, one over HTTPS takes
3 kB (20 kB during the handshake). A request takes the size of its header and body until it is
answered, a response the size of its body until the client has received it.

Handlers, callbacks of `wsserver` and streams written in Python may call every function of these
modules except `process_queue`, which runs them and raises RuntimeError when they call it.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
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

TLSv1_2: int
"""TLS 1.2, as `ssl.TLSVersion.TLSv1_2` of CPython: 0x0303."""
TLSv1_3: int
"""TLS 1.3, as `ssl.TLSVersion.TLSv1_3` of CPython: 0x0304."""

Data: TypeAlias = bytes | bytearray | memoryview
"""Binary data, sent unchanged."""

@final
@type_check_only
class Request:
    """The request that is passed to a handler."""

    method: str
    """`"GET"`, `"POST"`, ... as sent by the client."""
    uri: str
    """Path and query, as sent by the client, not decoded. The server serves the absolute form,
    `GET http://host/path`, like `GET /path` (RFC 9112, 3.2.2)."""
    path: str
    """The part of `uri` before `?`."""
    query: str
    """The part of `uri` after `?`, or `""`."""
    headers: dict[str, str | bytes]
    """Header values by lower-case name; repeated ones are joined by `", "` (RFC 9110, 5.3). What is
    not UTF-8 is `bytes`. `"host"` is the host of a target in absolute form, if the
    client sent one. The server answers 400 to an invalid `Host`."""
    body: bytes
    """The whole body, `b""` if there is none."""
    secure: bool
    """Whether the request came over HTTPS."""

@type_check_only
class Readable(Protocol):
    """A stream of known length, such as `open(path, "rb")` or `io.BytesIO`."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes from the current position."""

    def seek(self, position: int, whence: int = 0, /) -> int:
        """Move to a position and return it."""

    def close(self) -> None:
        """Close the stream."""

Body: TypeAlias = str | Data | Readable | BytesIO | Iterator[str | Data | None]
"""The body of a response; see `send`."""
Answer: TypeAlias = Body | Coroutine[object, object, Body | None] | None
"""What a handler returns; see `on`."""

@type_check_only
class Certificate(TypedDict):
    """The device's own certificate."""

    name: str
    """The subject's common name, or the first DNS name if there is none."""
    not_after: str
    """Expiry time in UTC: `2049-01-01T00:00:00Z`."""

@type_check_only
class Listener(TypedDict):
    """A running server."""

    port: int
    """The port on which it listens."""
    max: int
    """Maximum number of connections."""
    certificate: NotRequired[Certificate]
    """Only for HTTPS."""
    minimum_version: NotRequired[int]
    """The oldest TLS version that it negotiates, `TLSv1_2` or `TLSv1_3`; only for HTTPS."""
    maximum_version: NotRequired[int]
    """The newest one; only for HTTPS."""

@type_check_only
class Info(TypedDict):
    """The result of `info`."""

    uptime_ms: int
    """Time since the board's last reset."""
    http: Listener | None
    """The HTTP server; `None` if it is not running."""
    https: Listener | None
    """The HTTPS server; `None` if it is not running."""

@type_check_only
class SchemeStats(TypedDict):
    """Connections of one server; all but `open` are counted since the start."""

    open: int
    """Currently open, including those in a handshake."""
    accepted: int
    """Accepted."""
    purged: int
    """Closed in favour of a newer one (`full="purge"`)."""
    refused: int
    """Refused because all connections were in use."""
    closed: int
    """Ended, for any reason."""
    errors: int
    """Ended by a failure; each one is logged on the console."""

@type_check_only
class HandshakeStats(TypedDict):
    """TLS handshakes since the start."""

    ok: int
    """Completed, including the resumed ones."""
    resumed: int
    """Completed by resuming a session (`session_tickets`, `session_ids`)."""
    failed: int
    """Ended by an error."""
    timeout: int
    """Aborted after `handshake_timeout_ms`."""

@type_check_only
class WebSocketStats(TypedDict):
    """WebSocket sessions of both servers; all but `open` are counted since the start."""

    open: int
    """Currently open."""
    accepted: int
    """Accepted upgrades."""
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
    """Items waiting now."""
    max: int
    """The most items that ever waited."""
    full: int
    """How often a queue was full: a request or a new session then gets 503, and a WebSocket
    message waits."""

@type_check_only
class Stats(TypedDict):
    """The result of `stats`."""

    http: SchemeStats
    """The plain server."""
    https: SchemeStats
    """The TLS server."""
    handshakes: HandshakeStats
    """TLS handshakes."""
    requests: int
    """Requests that reached the queue."""
    responses: dict[str, int]
    """How often each status code was sent; the keys are codes as text."""
    websocket: WebSocketStats
    """WebSockets."""
    queue: QueueStats
    """Queues."""
    alloc_failures: int
    """Allocations that failed in the network heap."""
    failures: dict[str, int]
    """Failures by cause, such as `no_memory` or `tls_alert`; only causes that occurred."""

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
    transfer_timeout_ms: int = 20000,
    minimum_rate: int = 500,
    max_body: int = 16384,
    queue: int = 16,
    minimum_version: int | None = None,
    maximum_version: int | None = None,
    max_target: int = 8000,
    max_head: int = 8192,
    session_tickets: bool = True,
    session_ids: int = 0,
    session_timeout_ms: int = 3600000,
) -> bool:
    """Start HTTP, and also HTTPS if both files are given.

    Another call restarts only the server whose arguments differ. Other files (or the same names
    with other contents) restart HTTPS, and omitting them stops it. A server that is not restarted
    keeps its connections.

    Args:
        port: port of HTTP, 1 to 65535.
        cert_file: path of the certificates in PEM or DER, the device's own first.
        key_file: path of its private key in PEM or DER, not encrypted: RSA of 2048 to 4096 bits,
            P-256 or P-384.
        https_port: port of HTTPS, 1 to 65535.
        max_http: maximum number of HTTP connections, 1 to 250. The sum with `max_https` is limited
            by lwIP's configuration: 52 on espbench's boards (`CONFIG_LWIP_MAX_ACTIVE_TCP` on
            ESP-IDF, minus sockets and clients that wait beyond these limits).
        max_https: maximum number of HTTPS connections, 1 to 250; on `lx60` each takes 24 kB,
            33 kB at its peak.
        full: what to do with one more connection: `"purge"` closes the one that has been idle
            longest in its favour, else one that sends its handshake or its request, or reads its
            response, more slowly than `minimum_rate`; it refuses the new one if there is none.
            `"refuse"` always refuses it. With either, a client that waits for its response and has
            sent a FIN is closed first, with a 503, since it has probably gone, and then one that
            has connected and sent nothing. The WebREPL has a reserved connection in addition to
            both limits (see `webrepl`).
        handshake_timeout_ms: limit for a whole TLS handshake, in milliseconds.
        idle_timeout_ms: time after which an idle persistent connection is closed, in milliseconds;
            0: never.
        response_timeout_ms: time after which an unanswered request gets a 503 and its connection
            is closed, in milliseconds; 0: never. If its handler has not started, it is not called;
            if it is running, its `send` returns `False`. A body that is sent in pieces is aborted
            if no piece follows for that time.
        transfer_timeout_ms: time limit for the head of a request, for its body, for a WebSocket
            message and for reading a response, in milliseconds, 1 to 3600000. Each byte extends
            the last three, as `minimum_rate` says. Without any progress, all of them end after 5 s.
        minimum_rate: bytes per second that keep a transfer alive, 0 to 1000000: so many extend
            its limit by a second, to `transfer_timeout_ms` from then at most. A client that stays
            below this rate gets a 408, or close code 1008, or is disconnected; a slow client above
            it may take as long as its data needs. 0: no minimum.
        max_body: maximum size of a request body in bytes, 0 to 1048576; a larger one gets a 413.
        queue: maximum number of requests, new WebSocket sessions and messages that wait for
            `process_queue`, 1 to 1000. A further request or session gets a 503, and a further
            message waits. The same happens when more than `max_body` bytes of bodies, or of
            messages, wait and use memory that the WebREPL and TLS sessions up to `max_https` would
            need.
        minimum_version: the oldest TLS version to negotiate, `TLSv1_2` or `TLSv1_3`; `None` means
            `TLSv1_2`.
        maximum_version: the newest TLS version to negotiate; `None` means `TLSv1_3` if the firmware
            was built with it (`espbench build --variant TLS13`), else `TLSv1_2`.
        max_target: maximum size of a request's target (path and query) in bytes, 64 to 65535; a
            longer one gets a 414. RFC 9110, 4.1, recommends at least 8000.
        max_head: maximum size of a request's target and header fields in bytes, 512 to 65535; a
            larger one gets a 431. Above 2560 bytes, one for which memory is too short gets a 503:
            the WebREPL and TLS sessions up to `max_https` must still fit.
        session_tickets: whether a client of TLS 1.2 gets a ticket (RFC 5077), with which its next
            handshake resumes the session: without a signature or a key exchange, which are nearly
            all of its time. Tickets take 1.5 kB in all. They are encrypted with keys of this
            start, and whoever reads those from memory can decrypt recorded sessions. `False` if
            the firmware was built without `MBEDTLS_SSL_SESSION_TICKETS`.
        session_ids: how many sessions to keep for clients of TLS 1.2 that do not take tickets,
            0 to 64; each takes 0.2 kB. The oldest one makes room for the next.
        session_timeout_ms: how long a session can be resumed, 1000 to 86400000. A ticket is valid
            for up to twice as long, since its key is replaced after this time and then decrypts
            for as long again.

    Returns:
        Whether everything requested is running. If not, one line on the console says why, such as
        `Failed to start HTTPS server: certificate file not found: /certs/servercert.pem`. HTTP
        still runs if only HTTPS failed.

    Raises:
        ValueError: a number is out of range, `full` has another value, or the firmware was built
            without TLS 1.3 or session tickets, which an argument asks for.
        TypeError: an argument has the wrong type.

    Memory:
        On `lx60` about 3.3 kB of the network heap for an RSA-2048 pair while HTTPS runs, and
        1.9 kB more from the first handshake on (constants of the RSA key). Session tickets take
        1.5 kB, and each of `session_ids` 0.2 kB.
    """

def stop() -> None:
    """Stop both servers, end their connections and wipe the key.

    Handlers and endpoints stay registered.

    A handler that stops or restarts its server also ends its own connection: its response is lost,
    and `send` returns `False`.
    """

def https_running() -> bool:
    """Return whether HTTPS is running."""

def on(uri: str, handler: Callable[[Request], Answer], method: str = "GET") -> None:
    """Register a handler on both servers, replacing any other for the same path and method.

    The handler responds by calling `send` or by its return value: text, bytes, a stream or an
    iterator become the body of a 200 (see `send`), and `None` without `send` is a 204. An exception
    becomes a 500, and its traceback goes to the console. A path without a handler gets a 404, and
    another method of a path with a handler gets a 405 with `Allow`. The handler of GET also handles
    HEAD. A method that is not among those below gets a 501, and `OPTIONS *` a 204 with the methods
    of all handlers.

    A generator function and `async def` are handlers, too. What a generator yields becomes the
    body. A coroutine runs at once: it may await other coroutines, but nothing that waits for
    asyncio's loop, such as `asyncio.sleep`.

    Args:
        uri: the path, beginning with `/`. A trailing `*` makes it a prefix. An exact path takes
            precedence over a prefix, and a longer prefix over a shorter one.
        handler: function that `process_queue` calls with the request.
        method: `GET`, `POST`, `PUT`, `DELETE`, `PATCH`, `OPTIONS` or `HEAD`.

    Raises:
        ValueError: `uri` does not begin with `/`, or the method is unknown.
        TypeError: the handler is not callable.
        OSError: ENOSPC: all 32 entries for handlers and WebSocket endpoints are in use; ENOMEM: no
            memory.

    Memory:
        The path, in the network heap.
    """

def off(uri: str, method: str | None = None, /) -> bool:
    """Remove the handler of a path for one method, or for all methods.

    A handler that is running continues, and its request is answered.

    Returns:
        Whether a handler was removed.

    Raises:
        ValueError: the method is unknown.
    """

def send(
    content: Body | None,
    status: int = 200,
    content_type: str | None = None,
    headers: Mapping[str, object] | Iterable[tuple[str, object]] | None = None,
    *,
    length: int | None = None,
) -> bool:
    """Send the response to the request whose handler is running; at most once per request.

    Args:
        content: the body; `None` for no body. Text and bytes are copied. A stream (a file opened
            with `"rb"`, `io.BytesIO`) is sent by `process_queue` from its position to its end, in
            pieces as the client reads, and then closed. Up to 16 streams are sent at once; one
            more gets a 503. A stream may be written in Python, as a class derived from `io.IOBase`
            with `ioctl` and `readinto`. If it raises, or returns less than its length, the
            connection is closed. An iterator, such as a generator, is the body of unknown length:
            `process_queue` takes its next piece, text or bytes, when the client has read enough,
            and sends it as a chunk (RFC 9112, 7.1; HTTP/1.0 clients get it until the connection is
            closed). `None` means that there is nothing to send now, as between server-sent events;
            the next `process_queue` asks again. If it raises, the connection is closed without the
            last chunk. Its `close` is called at the end, or when the client has gone.
        status: status code, 200 to 999.
        content_type: media type; `None` means `text/plain; charset=utf-8`.
        headers: further headers, as a dictionary, or as pairs if a name appears twice. The server
            sends `Content-Length` and `Connection` itself, and `Date` if a clock was set, unless
            `headers` has it (RFC 9110, 6.6.1).
        length: send at most this many bytes of the content, such as a part of a file whose
            position was set; `None`: all.

    Returns:
        Whether it was queued; `False` if the client is gone, the response is overdue
        (`response_timeout_ms`) or memory is insufficient.

    Raises:
        RuntimeError: no request waits for a response, or Python code that `send` called (an
            iterator of headers, a `__str__`, a stream's `ioctl`) has already sent it.
        ValueError: the status is out of range, a header's name is not a token (RFC 9110, 5.6.2), a
            value or `content_type` contains a control character, or `headers` has a field that the
            server sends itself (`Content-Length`, `Connection`, `Transfer-Encoding`) or that has an
            argument (`Content-Type`), or `length` is negative or
            given for an iterator.
        OSError: the length of the stream cannot be determined.

    Memory:
        Header and body, in the network heap, until the client has received them; for a stream at
        most about 8 kB per client, whatever its length.
    """

def process_queue(timeout_ms: int = 0, /) -> int:
    """Run the handlers of the requests and WebSocket events that have arrived.

    A request is dropped without calling its handler if its client has reset the connection, or has
    already received a 503 because it waited too long or its connection was needed.

    Args:
        timeout_ms: how long to wait for the first request or event, in milliseconds, up to a day.
            The wait also ends when a WebREPL has input, so that a loop of both `process_queue`
            calls needs no sleep.

    Returns:
        The number of handlers and callbacks that it ran, at most 64.

    Raises:
        KeyboardInterrupt: Ctrl-C on the console. Other exceptions of handlers become a 500.
        RuntimeError: it was called by a handler, a callback or a stream.
    """

def static(uri: str, directory: str, /) -> None:
    """Serve the files below a directory for GET and HEAD, with media type and ETag.

    A directory is served as its `index.html`. If `name.gz` exists, clients that accept gzip get it
    for `name`. A matching If-None-Match gets a 304, and an If-Match that does not match a 412.
    Range gets a part of the file (206, or 416 for one beyond its end); several ranges get all of
    it. Never served from any directory are `/certs`,
    names that begin with a dot, keys and certificates (`*.pem`, `*.key`, `*.crt` and the like), and
    programs (`*.py`, `*.mpy`); directly in `/`, configuration (`*.json`, `*.toml` and the like) is
    not served either. A handler that calls `send` can serve any file.

    Args:
        uri: absolute path of the URLs.
        directory: absolute path of the directory.

    Raises:
        ValueError: `uri` or `directory` is not absolute, or the directory is reserved for keys.
        OSError: ENOSPC: fewer than two of the 32 entries for handlers are free; ENOMEM: no memory.

    Memory:
        The same as for a stream in `send`, and about 0.1 kB of Python's heap for the ETag of each
        of the last 32 files.
    """

def info() -> Info:
    """Return the running servers: ports, limits, and the certificate's name and expiry.

    Memory:
        Less than 1 kB of Python's heap.
    """

def stats() -> Stats:
    """Return statistics of both servers.

    Memory:
        About 2 kB of Python's heap for the dictionary.
    """
