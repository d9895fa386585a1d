# SPDX-License-Identifier: MIT
"""Responses of unknown length: generators, server-sent events, coroutines (RFC 9112 section 7.1).

On real devices they break when a client reads slowly or goes away, when the generator raises, and
when it has nothing to send for a while.
"""

from __future__ import annotations

from contextlib import closing, suppress

import pytest
from espbench.clients import ConnectionEnded, Endpoints, encode_request
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
TRACE = """
import httpserver
log = []
def pieces(*all):
    try:
        for each in all:
            yield each
    finally:
        log.append('closed')
"""


@pytest.fixture(autouse=True)
def generated(shared_device: Device) -> None:
    """Give scenarios a generator that reports its end."""
    shared_device.exec(TRACE)


def handle(device: Device, source: str) -> None:
    """Register a handler for GET /generated."""
    device.exec(f"httpserver.on('/generated', {source})")


@BOTH
def test_chunks(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """Each piece becomes a chunk; the connection stays open for the next request."""
    handle(shared_device, "lambda r: pieces('grüße', b'', b'raw', bytearray(b'!'))")
    with endpoints[scheme].http() as http:
        for _ in range(2):
            answer = http.get("/generated")
            assert answer.status == 200
            assert answer.header("transfer-encoding") == "chunked"
            assert answer.header("content-length") is None
            assert answer.body == "grüßeraw!".encode()
    assert shared_device.eval("log") == ["closed"] * 2
    shared_device.exec("httpserver.off('/generated')")


@BOTH
def test_on_the_wire(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A chunk has its size in hexadecimal, and ends before the next piece exists."""
    handle(
        shared_device,
        "lambda r: httpserver.send((x for x in ['first'] + [None] * 9 + [b'x' * 27]), 201, 'a/b')",
    )
    with closing(endpoints[scheme].stream()) as stream:
        stream.send(encode_request("GET", "/generated"))
        received = b""
        while not received.endswith(b"0\r\n\r\n") and (more := stream.receive()):
            received += more
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"\r\nContent-Type: a/b" in head
    assert body == b"5\r\nfirst\r\n1b\r\n" + b"x" * 27 + b"\r\n0\r\n\r\n"
    shared_device.exec("httpserver.off('/generated')")


@BOTH
def test_http_1_0(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """HTTP/1.0 has no chunks: the close ends the body (RFC 9112 section 6.3, number 8)."""
    handle(shared_device, "lambda r: pieces('one ', 'two')")
    with closing(endpoints[scheme].stream()) as stream:
        stream.send(b"GET /generated HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        received = b""
        while more := stream.receive():
            received += more
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert b"content-length" not in head.lower()
    assert b"\r\nConnection: close" in head
    assert body == b"one two"
    shared_device.exec("httpserver.off('/generated')")


def test_head(shared_device: Device, endpoints: Endpoints) -> None:
    """HEAD gets the header of GET; the generator is closed."""
    handle(shared_device, "lambda r: httpserver.send(pieces('body'))")
    with endpoints.http.http() as http:
        for _ in range(2):
            answer = http.request("HEAD", "/generated")
            assert (answer.status, answer.body) == (200, b"")
            assert answer.header("transfer-encoding") == "chunked"
    shared_device.exec("import gc; gc.collect(); httpserver.off('/generated')")


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        ("'text'", 200, b"text"),
        ("b'raw'", 200, b"raw"),
        ("None", 204, b""),
        ("pieces('a', 'b')", 200, b"ab"),
    ],
)
def test_coroutines(
    result: str, status: int, body: bytes, shared_device: Device, endpoints: Endpoints
) -> None:
    """A handler may be `async def`: what it returns is the response."""
    shared_device.exec(
        f"async def inner(): return {result}\n"
        "async def handler(request): return await inner()\n"
        "httpserver.on('/generated', handler)"
    )
    answer = endpoints.http.get("/generated")
    assert (answer.status, answer.body) == (status, body)
    shared_device.exec("httpserver.off('/generated')")


def test_a_coroutine_that_sends(shared_device: Device, endpoints: Endpoints) -> None:
    """It may call send() like any handler."""
    shared_device.exec(
        "async def handler(request): httpserver.send('sent', 202)\n"
        "httpserver.on('/generated', handler)"
    )
    answer = endpoints.http.get("/generated")
    assert (answer.status, answer.text) == (202, "sent")
    shared_device.exec("httpserver.off('/generated')")


@pytest.mark.failures("handler_error")
@pytest.mark.parametrize("content", ["{'a': 1}", "['a', 'b']", "('a',)", "5", "object()"])
@pytest.mark.parametrize("call", ["{}", "httpserver.send({})"])
def test_what_is_not_a_body(
    call: str, content: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """A dictionary is not taken for its keys: the client gets a 500."""
    handle(shared_device, f"lambda r: {call.format(content)}")
    assert endpoints.http.get("/generated").status == 500
    shared_device.exec("httpserver.off('/generated')")


@pytest.mark.failures("handler_error")
@pytest.mark.parametrize("piece", ["1 // 0", "5"])
def test_an_error_before_the_first_piece(
    piece: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """What a generator raises before its first piece becomes a 500."""
    shared_device.exec(
        f"def handler(request):\n    yield {piece}\nhttpserver.on('/generated', handler)"
    )
    assert endpoints.http.get("/generated").status == 500
    shared_device.exec("httpserver.off('/generated')")


@BOTH
@pytest.mark.failures("handler_error")
@pytest.mark.parametrize("piece", ["1 // 0", "5"])
def test_an_error_in_the_middle(
    scheme: str, piece: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """After that, the body ends without its last chunk, so that the client notices."""
    shared_device.exec(
        f"def handler(request):\n    yield 'begun'\n    yield None\n    yield {piece}\n"
        "httpserver.on('/generated', handler)"
    )
    with closing(endpoints[scheme].stream()) as stream:
        stream.send(encode_request("GET", "/generated"))
        received = b""
        with suppress(ConnectionEnded):  # a RST
            while more := stream.receive():
                received += more
    assert b"begun" in received
    assert not received.endswith(b"0\r\n\r\n")
    shared_device.exec("httpserver.off('/generated')")


@BOTH
@pytest.mark.failures("peer_reset")
def test_server_sent_events(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A generator that has nothing to send yields None, and others are served meanwhile."""
    shared_device.exec(
        "news = []\n"
        "def events(request):\n"
        "    def body():\n"
        "        try:\n"
        "            while True:\n"
        "                yield 'data: %s\\n\\n' % news.pop(0) if news else None\n"
        "        finally:\n"
        "            log.append('closed')\n"
        "    httpserver.send(body(), content_type='text/event-stream')\n"
        "httpserver.on('/generated', events)"
    )
    with closing(endpoints[scheme].stream()) as stream:
        stream.send(encode_request("GET", "/generated"))
        received = stream.receive()
        assert b"\r\nContent-Type: text/event-stream\r\n" in received
        for number in range(3):
            assert endpoints[scheme].get("/hello").status == 200
            shared_device.exec(f"news.append('event {number}')")
            expected = f"data: event {number}\n\n".encode()
            while expected not in received and (more := stream.receive()):
                received += more
            assert expected in received
        stream.reset()
    # The next piece finds that the client is gone.
    shared_device.exec("news.append('for nobody')")
    deadline = Deadline(10)
    while not shared_device.eval("log"):
        assert not deadline.expired(), "the generator was not closed"
    shared_device.exec("httpserver.off('/generated')")


@BOTH
def test_more_than_memory(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A body larger than the network heap is made as the client reads it."""
    size = shared_device.heap().size
    handle(shared_device, f"lambda r: (b'%07d\\n' % n * 1250 for n in range({size // 10000 + 2}))")
    with endpoints[scheme].http() as http:
        http.send("GET", "/generated")
        assert endpoints[scheme].get("/hello").status == 200
        body = http.receive().body
    lines = body.split(b"\n")[:-1]
    assert len(body) > size
    assert lines == [b"%07d" % n for n in range(size // 10000 + 2) for _ in range(1250)]
    shared_device.exec("httpserver.off('/generated')")
