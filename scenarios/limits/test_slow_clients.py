# SPDX-License-Identifier: MIT
"""Clients that send or read a byte from time to time: each transfer has a pace to keep.

Apache's mod_reqtimeout is the model. A time-out without progress alone would let such a client keep
its place for hours.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import cycle, islice

import pytest
from espbench.clients import (
    ByteStream,
    ClientError,
    ClientTimeout,
    Endpoints,
    HttpConnection,
    Stream,
    TlsStream,
    encode_request,
    run_concurrently,
)
from espbench.clients.tls import Step, TlsSteps
from espbench.clients.websocket import BINARY, CONTINUATION, Frame
from espbench.device.device import Device
from espbench.util.timeouts import Deadline, timeout_scale

START = (
    "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
    "key_file='/certs/prvtkey.pem'{})"
)
PLACES = {"http": 10, "https": 4}
PAUSE = 0.25
"""Seconds (scaled) between two bytes: more often than the time-outs without progress."""
SOON = 10.0
"""Seconds (scaled) in which a client is dropped here, or served."""
BODY = 16_384
HEAD = encode_request("POST", "/upload", headers={"Content-Length": str(BODY)})
CHUNKED = encode_request("POST", "/upload", headers={"Transfer-Encoding": "chunked"})
RECORD = bytes([23, 3, 3, 0x40, 0])
"""The header of a TLS record with 16 kB of application data (RFC 8446 section 5.1)."""


@pytest.fixture
def start(shared_device: Device) -> Iterator[Callable[[str], None]]:
    """Return a function that starts the servers with these options; restore the defaults."""

    def begin(options: str) -> None:
        assert shared_device.eval(START.format(options))

    yield begin
    assert shared_device.eval(START.format(""))


def raw_of(stream: ByteStream) -> Stream:
    """Return the TCP stream below."""
    raw = stream.raw if isinstance(stream, TlsStream) else stream
    assert isinstance(raw, Stream)
    return raw


def is_dropped(stream: ByteStream, pieces: Iterator[bytes]) -> bool:
    """Send piece by piece until the device ends the connection; False: it does not."""
    deadline = Deadline(SOON)
    while not deadline.expired():
        try:
            stream.send(next(pieces))
            if not raw_of(stream).receive(PAUSE * timeout_scale()):
                return True
        except ClientTimeout:
            pass
        except ClientError:
            return True
    return False


def sends(first: bytes, rest: bytes) -> Callable[[Endpoints, str], bool]:
    """Return a client that sends `first` at once and then `rest`, again and again."""

    def client(endpoints: Endpoints, scheme: str) -> bool:
        with endpoints[scheme].http() as http:
            http.stream.send(first)
            return is_dropped(http.stream, cycle([rest]))

    return client


def frames(path: str, first: bytes, rest: bytes) -> Callable[[Endpoints, str], bool]:
    """Return a client that sends these bytes on a WebSocket."""

    def client(endpoints: Endpoints, scheme: str) -> bool:
        websocket = endpoints[scheme].websocket(path)
        try:
            websocket.stream.send(first)
            return is_dropped(websocket.stream, cycle([rest]))
        finally:
            websocket.stream.close()

    return client


def record(endpoints: Endpoints, scheme: str) -> bool:
    """Send a TLS record slowly; over HTTP, a head."""
    if scheme == "http":
        return sends(b"GET /hello HTTP/1.1\r\nX-Slow: ", b"s")(endpoints, scheme)
    with endpoints[scheme].http() as http:
        assert http.get("/hello").status == 200
        raw = raw_of(http.stream)
        raw.send(RECORD)
        return is_dropped(raw, cycle([b"r"]))


LONG = """
import httpserver, io, struct, uctypes

class Long(io.IOBase):
    def ioctl(self, request, argument):
        if request == 2:  # seek: offset and whence in C, the offset is the answer
            seek = uctypes.bytearray_at(argument, 8)
            seek[:4] = struct.pack("<i", 8_000_000 if seek[4] == 2 else 0)
        return 0
    def readinto(self, buffer):
        return len(buffer)

httpserver.on("/long", lambda request: httpserver.send(Long()))
"""
"""A body that fills all buffers between the device and a client."""


def takes_slowly(stream: ByteStream, dropped: Callable[[], bool]) -> bool:
    """Read 20 kB a second until the device drops the client; False: it does not."""
    raw = raw_of(stream)
    raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.send(encode_request("GET", "/long"))
    deadline = Deadline(2 * SOON)
    while not dropped():
        if deadline.expired():
            return False
        raw.receive(SOON, 2000)
        time.sleep(0.1)
    return True


BIG_FRAME = Frame(BINARY, bytes(300)).encode()[:20]
FRAGMENTS = Frame(BINARY, b"f", fin=False).encode()
FRAGMENT = Frame(CONTINUATION, b"f", fin=False).encode()
SLOW = {
    "body": sends(HEAD, b"b"),
    "chunks": sends(CHUNKED, b"1\r\nb\r\n"),
    "record or head": record,
    "frame": frames("/ws", BIG_FRAME, b"f"),
    "message": frames("/ws", FRAGMENTS, FRAGMENT),
    "webrepl": frames("/webrepl", BIG_FRAME, b"f"),
}


@pytest.mark.failures("recv_timeout", "peer_reset")
@pytest.mark.parametrize("kind", SLOW)
def test_what_arrives_too_slowly(
    kind: str, start: Callable[[str], None], endpoints: Endpoints
) -> None:
    """A client that goes on sending below the minimum rate is dropped, over TCP and over TLS."""
    start(", transfer_timeout_ms=1000")
    clients = [lambda s=s: SLOW[kind](endpoints, s) for s in PLACES]
    assert [outcome.get() for outcome in run_concurrently(clients, 3 * SOON)] == [True, True]


def pieces_of(body: bytes, size: int) -> Iterator[bytes]:
    """Yield the body in pieces."""
    rest = iter(body)
    while piece := bytes(islice(rest, size)):
        yield piece


@pytest.mark.parametrize("scheme", PLACES)
def test_slow_but_honest(scheme: str, start: Callable[[str], None], endpoints: Endpoints) -> None:
    """A client above the minimum rate may take longer than the time limit, with a large body."""
    limit = 1.5 * timeout_scale()
    start(f", transfer_timeout_ms={int(limit * 1000)}, minimum_rate=500")
    with endpoints[scheme].http() as http:
        http.stream.send(HEAD)
        began = time.monotonic()
        for piece in pieces_of(bytes(BODY), BODY // 16):
            http.stream.send(piece)
            time.sleep(limit / 10)
        assert time.monotonic() - began > limit
        assert http.receive().json() == {"length": BODY}


@pytest.mark.parametrize("scheme", PLACES)
def test_no_minimum_rate(scheme: str, start: Callable[[str], None], endpoints: Endpoints) -> None:
    """With minimum_rate=0, only time-outs without progress apply."""
    start(", transfer_timeout_ms=500, minimum_rate=0")
    with endpoints[scheme].http() as http:
        http.stream.send(encode_request("POST", "/upload", headers={"Content-Length": "6"}))
        for _ in range(6):
            time.sleep(PAUSE * timeout_scale())
            http.stream.send(b"b")
        assert http.receive().json() == {"length": 6}


@pytest.mark.failures("send_timeout", "peer_reset")
@pytest.mark.parametrize("scheme", PLACES)
def test_what_is_taken_too_slowly(
    scheme: str, start: Callable[[str], None], endpoints: Endpoints, shared_device: Device
) -> None:
    """A client that reads a response below the minimum rate is dropped."""
    start(", transfer_timeout_ms=2000, minimum_rate=100000")
    shared_device.exec(LONG)

    def dropped() -> int:
        return int(shared_device.stats()["failures"].get("send_timeout", 0))

    before = dropped()
    with endpoints[scheme].http() as http:
        assert takes_slowly(http.stream, lambda: dropped() > before)
    shared_device.exec("httpserver.off('/long')")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("transfer_timeout_ms=0", "transfer_timeout_ms must be 1 to 3600000"),
        ("minimum_rate=-1", "minimum_rate must be 0 to 1000000"),
    ],
)
def test_bad_options(options: str, words: str, shared_device: Device) -> None:
    """An option out of range is refused by name."""
    shared_device.exec(
        "_said = ''\n"
        f"try: __import__('httpserver').start({options})\n"
        "except ValueError as e: _said = str(e)"
    )
    assert shared_device.eval("_said") == words


# ------------------------------------------------------------------- places


def half_a_hello(endpoints: Endpoints) -> tuple[ByteStream, bytes]:
    """Return a connection that has sent half a ClientHello, and what it sends on."""
    assert endpoints.https.tls is not None
    stream = endpoints.https.raw()
    hello = TlsSteps(endpoints.https.tls).hello
    stream.send(hello[: len(hello) // 2])
    return stream, hello[len(hello) // 2 : len(hello) // 2 + 1]


def stalled_handshake(endpoints: Endpoints) -> tuple[ByteStream, bytes]:
    """Return a connection that stalls in the middle of its handshake."""
    assert endpoints.https.tls is not None
    stream = endpoints.https.patient(SOON).raw()
    TlsSteps(endpoints.https.tls).go(stream, Step.SERVER_DONE_READ)
    return stream, b""


def nothing(endpoints: Endpoints, scheme: str) -> tuple[ByteStream, bytes]:
    """Return a connection that sends nothing."""
    return endpoints[scheme].raw(), b""


def half_a_request(
    endpoints: Endpoints, scheme: str, first: bytes, rest: bytes
) -> tuple[ByteStream, bytes]:
    """Return a connection that has sent part of a request."""
    stream = endpoints[scheme].patient(SOON).stream()
    stream.send(first)
    return stream, rest


def wait_for_accepted(device: Device, scheme: str, count: int) -> None:
    """Wait until a server has accepted this many connections."""
    deadline = Deadline(SOON)
    while (now := device.stats()[scheme]["accepted"]) < count:
        assert not deadline.expired(), f"{now} connections were accepted, not {count}"
        device.wait_for_change(0.02)


HALF_A_BODY = encode_request("POST", "/upload", body=bytes(900))[:-450]
HALF_A_HEAD = b"GET /hello HTTP/1.1\r\nHost: a\r\nX-Slow: "
HOLDERS: dict[str, tuple[str, Callable[[Endpoints], tuple[ByteStream, bytes]]]] = {
    "silent https": ("https", lambda e: nothing(e, "https")),
    "silent http": ("http", lambda e: nothing(e, "http")),
    "hellos": ("https", half_a_hello),
    "handshakes": ("https", stalled_handshake),
    "heads": ("http", lambda e: half_a_request(e, "http", HALF_A_HEAD, b"s")),
    "heads over tls": ("https", lambda e: half_a_request(e, "https", HALF_A_HEAD, b"s")),
    "bodies": ("http", lambda e: half_a_request(e, "http", HALF_A_BODY, b"b")),
    "bodies over tls": ("https", lambda e: half_a_request(e, "https", HALF_A_BODY, b"b")),
}


def served(endpoints: Endpoints, scheme: str, path: str, *, patient: bool) -> None:
    """Assert that one more client is served, with as many attempts as are allowed."""
    deadline = Deadline(SOON)
    while True:
        try:
            if path == "/hello":
                with endpoints[scheme].http() as http:
                    assert http.get(path).text == "hello\n"
                return
            websocket = endpoints[scheme].websocket(path)
            if path == "/webrepl":
                assert websocket.receive() == "Password: "
            websocket.close()
            return
        except ClientError:
            if not patient or deadline.expired():
                raise
            time.sleep(0.05)


@pytest.mark.failures(
    *("refused", "peer_reset", "handshake_closed", "handshake_timeout", "recv_timeout"),
    *("ws_close_timeout", "queue_full"),
)
@pytest.mark.parametrize("path", ["/hello", "/ws", "/webrepl"])
@pytest.mark.parametrize("holder", HOLDERS)
def test_slow_clients_make_way(
    holder: str, path: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """Clients that hold all places and send little or nothing are closed for others.

    A client of the WebREPL is served without a place, too.
    """
    scheme, connect = HOLDERS[holder]
    before = shared_device.stats()[scheme]
    with ExitStack() as stack:
        held = []
        for number in range(1, PLACES[scheme] + 1):
            held.append(connect(endpoints))
            stack.callback(held[-1][0].close)
            wait_for_accepted(shared_device, scheme, before["accepted"] + number)
        for turn in range(3):
            served(endpoints, scheme, path, patient=turn == 0)
            for stream, byte in held:
                with suppress(ClientError):
                    if byte:
                        stream.send(byte, 1)
    if path != "/webrepl":
        assert shared_device.stats()[scheme]["purged"] > before["purged"]


@pytest.mark.failures("refused", "peer_reset", "handshake_closed", "handshake_timeout")
@pytest.mark.parametrize("scheme", PLACES)
def test_the_silent_go_although_full_is_refuse(
    scheme: str, start: Callable[[str], None], shared_device: Device, endpoints: Endpoints
) -> None:
    """With full="refuse", too, a client that has sent nothing makes way; one that has, stays."""
    start(", full='refuse'")
    with ExitStack() as stack:
        used: list[HttpConnection] = []
        for _ in range(PLACES[scheme] - 1):
            used.append(stack.enter_context(endpoints[scheme].http()))
            assert used[-1].get("/hello").status == 200
        before = shared_device.stats()[scheme]["accepted"]
        silent = stack.enter_context(endpoints[scheme].raw())
        wait_for_accepted(shared_device, scheme, before + 1)
        served(endpoints, scheme, "/hello", patient=True)
        silent.wait_until_gone()
        for http in used:
            assert http.get("/hello").status == 200
