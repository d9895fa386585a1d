# SPDX-License-Identifier: MIT
"""HTTP/1.1 as in RFC 9112 and RFC 9110, and malformed requests."""

from __future__ import annotations

import pytest
from espbench.boards.board import Board
from espbench.clients import (
    ClientError,
    ConnectionEnded,
    Endpoints,
    HttpConnection,
    Response,
    chunked,
    encode_request,
    together,
)
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])


def ask(endpoints: Endpoints, data: bytes, method: str = "GET") -> Response:
    """Send these bytes unchanged and return the response."""
    with endpoints.http.http() as http:
        http.stream.send(data)
        return http.receive(method)


@BOTH
def test_keep_alive(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """Twenty requests of several kinds use one connection."""
    before = shared_device.stats()[scheme]["accepted"]
    with endpoints[scheme].http() as http:
        for turn in range(5):
            assert http.get("/hello").keeps_alive
            assert http.request("HEAD", "/hello").body == b""
            assert http.get("/nothing").status == 404
            assert http.request("POST", "/echo", b"x" * turn).json()["body"] == "x" * turn
    assert shared_device.stats()[scheme]["accepted"] - before == 1


@BOTH
def test_connection_close(scheme: str, endpoints: Endpoints) -> None:
    """A request with Connection: close is answered, and the connection closes in order."""
    with endpoints[scheme].http() as http:
        answer = http.request("GET", "/hello", headers={"Connection": "close"})
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert http.ended() is False


def test_http_1_0_ends_the_connection(endpoints: Endpoints) -> None:
    """HTTP/1.0 without keep-alive is answered and closed."""
    with endpoints.http.http() as http:
        http.stream.send(b"GET /hello HTTP/1.0\r\n\r\n")
        answer = http.receive()
        assert (answer.status, answer.text) == (200, "hello\n")
        assert http.ended() is False


@BOTH
def test_head_has_the_length_of_get(scheme: str, endpoints: Endpoints) -> None:
    """HEAD gives the headers of GET and no body (RFC 9110 section 9.3.2)."""
    with endpoints[scheme].http() as http:
        head = http.request("HEAD", "/big?n=5000")
        assert (head.status, head.header("content-length"), head.body) == (200, "5000", b"")
        assert http.get("/hello").text == "hello\n"


@BOTH
def test_404(scheme: str, endpoints: Endpoints) -> None:
    """A path without a handler gets a 404, and the connection stays open, even after a body."""
    with endpoints[scheme].http() as http:
        assert http.get("/nothing").status == 404
        assert http.request("POST", "/nothing", b"body" * 100).status == 404
        assert http.get("/hello").status == 200


@BOTH
def test_405_names_what_is_allowed(scheme: str, endpoints: Endpoints) -> None:
    """A method without a handler gets a 405 with Allow (RFC 9110 section 15.5.6)."""
    with endpoints[scheme].http() as http:
        answer = http.request("POST", "/hello", b"")
        assert answer.status == 405
        assert {name.strip() for name in (answer.header("allow") or "").split(",")} >= {"GET"}
        assert http.get("/hello").status == 200


@pytest.mark.failures("bad_request")
def test_an_unknown_method(endpoints: Endpoints) -> None:
    """A method unknown to HTTP gets a 501 (RFC 9110 section 9.1) and does not crash the server."""
    assert ask(endpoints, encode_request("FROB", "/hello")).status in (405, 501)


@pytest.mark.failures("body_too_large")
@BOTH
def test_413_by_its_length(scheme: str, endpoints: Endpoints) -> None:
    """A Content-Length above the limit gets a 413 before the body is read."""
    with endpoints[scheme].http() as http:
        headers = {"Content-Length": "16385"}
        http.send("POST", "/upload", headers=headers)
        assert http.receive().status == 413


@pytest.mark.failures("body_too_large")
def test_413_while_the_body_comes(endpoints: Endpoints) -> None:
    """The response arrives although the client keeps sending: no reset discards it."""
    with endpoints.http.http() as http:
        http.send("POST", "/upload", b"x" * 60_000)
        assert http.receive().status == 413


@pytest.mark.failures("body_too_large")
@BOTH
def test_413_in_chunks(scheme: str, endpoints: Endpoints) -> None:
    """A chunked body gets a 413 as soon as it exceeds the limit."""
    with endpoints[scheme].http() as http:
        http.send("POST", "/upload", chunked([b"x" * 4096] * 5), {"Transfer-Encoding": "chunked"})
        assert http.receive().status == 413


@pytest.mark.failures("body_too_large", "bad_request")
@pytest.mark.parametrize(
    ("length", "status"), [("99999999999", 413), ("18446744073709551615", 400), ("9" * 40, 400)]
)
def test_absurd_lengths(length: str, status: int, endpoints: Endpoints) -> None:
    """An absurd length allocates no memory: it gets a 413, or a 400 above 64 bits."""
    data = encode_request("POST", "/upload", headers={"Content-Length": length})
    assert ask(endpoints, data).status == status


@pytest.mark.failures("header_too_large")
@BOTH
@pytest.mark.parametrize("headers", [{"X": "y" * 4000}, {f"X-{i}": "y" * 40 for i in range(80)}])
def test_431(scheme: str, headers: dict[str, str], endpoints: Endpoints) -> None:
    """A header field that is too long, or too many of them, get a 431 (RFC 6585 section 5)."""
    with endpoints[scheme].http() as http:
        assert http.request("GET", "/hello", headers=headers).status == 431


def test_a_browsers_headers_fit(endpoints: Endpoints) -> None:
    """Chromium's header fields, with a cookie, are within the limit."""
    headers = {
        "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/130.0.0.0 Safari/537.36",
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
        "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
        "Accept-Encoding": "gzip, deflate, br, zstd",
        "Accept-Language": "en-GB,en-US;q=0.9,en;q=0.8",
        "Sec-Ch-Ua": '"Chromium";v="130", "Not?A_Brand";v="99"',
        "Sec-Fetch-Mode": "navigate",
        "Upgrade-Insecure-Requests": "1",
        "Cookie": "session=" + "c" * 512,
    }
    assert endpoints.https.request("GET", "/hello", headers=headers).status == 200


@pytest.mark.failures("uri_too_long")
def test_414(endpoints: Endpoints) -> None:
    """A target that is too long gets a 414 (RFC 9110 section 15.5.15)."""
    assert endpoints.http.get("/hello?" + "x" * 1000).status == 414


@pytest.mark.failures("queue_full")
def test_503_when_the_queue_is_full(shared_device: Device, endpoints: Endpoints) -> None:
    """While a handler is busy, requests beyond the queue's size get a 503; the rest are served."""
    shared_device.eval(
        "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
        "key_file='/certs/prvtkey.pem', queue=2)"
    )
    try:
        with endpoints.http.http() as busy:
            requests = shared_device.stats()["requests"]
            busy.send("GET", "/slow?ms=700")
            deadline = Deadline(5)
            while (now := shared_device.stats())["requests"] == requests or now["queue"]["depth"]:
                assert not deadline.expired(), now
            outcomes = together([lambda: endpoints.http.get("/hello").status] * 6)
            assert busy.receive().text == "slow\n"
        statuses = sorted(outcome.get() for outcome in outcomes)
        assert statuses == [200] * 2 + [503] * 4
    finally:
        shared_device.eval(
            "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
            "key_file='/certs/prvtkey.pem')"
        )


@BOTH
def test_pipelining(scheme: str, endpoints: Endpoints) -> None:
    """Pipelined requests are answered in order (RFC 9112 section 9.3.2)."""
    with endpoints[scheme].http() as http:
        http.stream.send(
            b"".join(encode_request("POST", "/echo", body=b"%d" % i) for i in range(8))
        )
        assert [http.receive().json()["body"] for _ in range(8)] == [str(i) for i in range(8)]


def test_pipelining_past_an_error(endpoints: Endpoints) -> None:
    """An error response among pipelined ones does not lose the others."""
    with endpoints.http.http() as http:
        for path in ("/hello", "/nothing", "/hello"):
            http.send("GET", path)
        assert [http.receive().status for _ in range(3)] == [200, 404, 200]


@BOTH
def test_chunked_body(scheme: str, endpoints: Endpoints) -> None:
    """A chunked request body is decoded (RFC 9112 section 7.1)."""
    with endpoints[scheme].http() as http:
        body = chunked([b"one ", b"two ", b"three" * 100])
        answer = http.request("POST", "/echo", body, {"Transfer-Encoding": "chunked"})
        assert answer.json()["body"] == "one two " + "three" * 100
        assert http.get("/hello").status == 200


@pytest.mark.failures("bad_request")
def test_broken_chunks(endpoints: Endpoints) -> None:
    """A chunk whose size is not a number gets a 400."""
    data = encode_request(
        "POST", "/echo", body=b"xyz\r\nabc\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"}
    )
    assert ask(endpoints, data).status == 400


@BOTH
def test_expect_100_continue(scheme: str, endpoints: Endpoints) -> None:
    """A client that expects 100 Continue gets it before the body (RFC 9110 section 10.1.1)."""
    headers = {"Expect": "100-continue", "Content-Length": "4"}
    with endpoints[scheme].http() as http:
        http.send("POST", "/echo", headers=headers)
        first = http.stream.receive()
        assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
        http.stream.send(b"body")
        assert http.receive().json()["body"] == "body"


def test_expect_is_refused_early(endpoints: Endpoints) -> None:
    """A request that will be refused gets the final response instead of 100 Continue."""
    headers = {"Expect": "100-continue", "Content-Length": "4"}
    with endpoints.http.http() as http:
        http.send("POST", "/nothing", headers=headers)
        answer = http.receive()
        assert (answer.status, answer.informational) == (404, ())


INVALID_HOSTS = {
    "blank-in-host": b"a b",
    "path-in-host": b"a.test/path",
    "user-in-host": b"user@a.test",
    "letters-for-a-port": b"a.test:http",
    "open-bracket-in-host": b"[::1",
    "no-name-in-host": b":80",
}


@pytest.mark.failures("bad_request")
@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        pytest.param(b"\x00\x01\x02\x03\r\n\r\n", {400}, id="binary"),
        pytest.param(b"hello?\r\n\r\n", {400, 501}, id="no-method"),
        pytest.param(b"GET /hello\r\n\r\n", {400, 505}, id="no-version"),
        pytest.param(b"GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", {400, 505}, id="version-2"),
        pytest.param(b"GET /hello HTTP/1.1\r\n\r\n", {400}, id="no-host"),
        pytest.param(b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}, id="two-hosts"),
        *(
            pytest.param(b"GET /hello HTTP/1.1\r\nHost: %b\r\n\r\n" % host, {400}, id=name)
            for name, host in INVALID_HOSTS.items()
        ),
        pytest.param(b"GET /hello HTTP/1.1\r\nHost x\r\n\r\n", {400}, id="no-colon"),
        pytest.param(b"GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", {400}, id="space-before-colon"),
        pytest.param(b"GET /hel\x00lo HTTP/1.1\r\nHost: x\r\n\r\n", {400}, id="nul-in-target"),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            {400},
            id="two-lengths",
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            {400},
            id="negative-length",
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", {400}, id="no-number"
        ),
        pytest.param(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            {400},
            id="smuggling",
        ),
    ],
)
def test_what_is_not_http(data: bytes, statuses: set[int], endpoints: Endpoints) -> None:
    """Malformed requests (RFC 9112) get an error, and the connection closes; nothing crashes."""
    with endpoints.http.http() as http:
        http.stream.send(data)
        assert http.receive().status in statuses
        http.ended()


CHUNKS = b"4\r\nbody\r\n0\r\n\r\n"
SMUGGLED = b"GET /hello HTTP/1.1\r\nHost: espbench.test\r\n\r\n"
"""A request that a front end with another reading of the framing would take for body data."""


def framed(fields: bytes, body: bytes, version: bytes = b"1.1") -> bytes:
    """Return a POST with these header lines and this body, directly followed by a GET."""
    head = b"POST /echo HTTP/" + version + b"\r\nHost: espbench.test\r\n"
    return head + fields + b"\r\n" + body + SMUGGLED


@BOTH
@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n", CHUNKS, id="chunked"),
        pytest.param(b"Transfer-Encoding: CHUNKED\r\n", CHUNKS, id="upper-case"),
        pytest.param(b"transfer-encoding:chunked \r\n", CHUNKS, id="white-space-around-it"),
        pytest.param(b"Transfer-Encoding:\tchunked\t\r\n", CHUNKS, id="tabs-around-it"),
        pytest.param(b"Content-Length: 4\r\n", b"body", id="length"),
        pytest.param(b"Content-Length:\t 4 \r\n", b"body", id="white-space-around-the-length"),
    ],
)
def test_good_framing(scheme: str, fields: bytes, body: bytes, endpoints: Endpoints) -> None:
    """The body ends where the framing says, and the next request follows it.

    Names of transfer codings are case-insensitive (RFC 9112 section 7), and whitespace around a
    field's value is not part of it (section 5.1).
    """
    with endpoints[scheme].http() as http:
        http.stream.send(framed(fields, body))
        assert http.receive("POST").json()["body"] == "body"
        assert http.receive().text == "hello\n"


FAULTY = {
    # Transfer-Encoding: chunked is not the final coding (RFC 9112 section 6.3, item 4)
    "identity": (400, b"Transfer-Encoding: identity\r\n", CHUNKS),
    "cow": (400, b"Transfer-Encoding: cow\r\n", CHUNKS),
    "empty": (400, b"Transfer-Encoding:\r\n", CHUNKS),
    "chunked-gzip": (400, b"Transfer-Encoding: chunked, gzip\r\n", CHUNKS),
    "chunked-then-identity": (
        400, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CHUNKS,
    ),
    "chunked-then-cow": (
        400, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", CHUNKS,
    ),
    "vertical-tab": (400, b"Transfer-Encoding: \x0bchunked\r\n", CHUNKS),
    "prefix": (400, b"Transfer-Encoding: xchunked\r\n", CHUNKS),
    "suffix": (400, b"Transfer-Encoding: chunkedx\r\n", CHUNKS),
    # chunked more than once, or with parameters (section 7.1)
    "twice-in-two-lines": (
        400, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKS,
    ),
    "twice-in-one-line": (400, b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    "parameter": (400, b"Transfer-Encoding: chunked;foo=bar\r\n", CHUNKS),
    # an unsupported coding (section 6.1)
    "gzip-chunked": (501, b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    "identity-then-chunked": (
        501, b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", CHUNKS,
    ),
    # both (section 6.3, item 3)
    "encoding-and-length": (
        400, b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", CHUNKS,
    ),
    "length-and-encoding": (
        400, b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", CHUNKS,
    ),
    "length-and-cow": (400, b"Content-Length: 4\r\nTransfer-Encoding: cow\r\n", b"body"),
    # Content-Length (section 6.3, item 5; RFC 9110 section 8.6)
    "two-lengths": (400, b"Content-Length: 4\r\nContent-Length: 5\r\n", b"body"),
    "the-same-length-twice": (400, b"Content-Length: 4\r\nContent-Length: 4\r\n", b"body"),
    "list-of-lengths": (400, b"Content-Length: 4, 4\r\n", b"body"),
    "two-numbers": (400, b"Content-Length: 4 4\r\n", b"body"),
    "plus": (400, b"Content-Length: +4\r\n", b"body"),
    "minus": (400, b"Content-Length: -4\r\n", b"body"),
    "hexadecimal": (400, b"Content-Length: 0x4\r\n", b"body"),
    "no-digits": (400, b"Content-Length:\r\n", b"body"),
    "overflow": (400, b"Content-Length: 18446744073709551620\r\n", b"body"),
    # obs-fold (section 5.2), and whitespace before the first field (section 2.2)
    "folded-encoding": (400, b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
    "folded-list": (400, b"Transfer-Encoding: chunked\r\n\t, gzip\r\n", CHUNKS),
    "folded-length": (400, b"Content-Length: 4\r\n 4\r\n", b"body"),
    "folded-into-another": (400, b"X-Any: a\r\n Transfer-Encoding: chunked\r\n", b""),
    "space-before-colon": (400, b"Transfer-Encoding : chunked\r\n", CHUNKS),
    # NUL (RFC 9110 section 5.5): it would split a value into several fields
    "nul": (400, b"X-Any: \0b\r\n", b""),
    "nul-hides-a-coding": (
        400,
        b"X-Any: \0transfer-encoding\r\nchunked: x\r\nTransfer-Encoding: gzip, chunked\r\n"
        b"X-Any: \0x\r\n",
        CHUNKS,
    ),
}  # fmt: skip
"""By name: the status, the header lines, the body."""


@pytest.mark.failures("bad_request")
@BOTH
@pytest.mark.parametrize("name", FAULTY)
def test_faulty_framing(
    scheme: str, name: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """If the end of the body is ambiguous, the request is refused and the connection closed.

    Nothing after the head is taken for a request (RFC 9112 section 11.2, request smuggling).
    """
    status, fields, body = FAULTY[name]
    before = shared_device.stats()["requests"]
    with endpoints[scheme].http() as http:
        http.stream.send(framed(fields, body))
        answer = http.receive("POST")
        assert (answer.status, answer.header("connection")) == (status, "close")
        assert http.ended() is False
    assert shared_device.stats()["requests"] == before


@pytest.mark.failures("bad_request")
@BOTH
@pytest.mark.parametrize("more", [b"", b"Content-Length: 4\r\n", b"Connection: keep-alive\r\n"])
def test_chunked_in_http_1_0(
    scheme: str, more: bytes, shared_device: Device, endpoints: Endpoints
) -> None:
    """Transfer-Encoding in an HTTP/1.0 request is faulty framing (RFC 9112 section 6.1): 400."""
    before = shared_device.stats()["requests"]
    with endpoints[scheme].http() as http:
        http.stream.send(framed(b"Transfer-Encoding: chunked\r\n" + more, CHUNKS, b"1.0"))
        assert http.receive("POST").status == 400
        assert http.ended() is False
    assert shared_device.stats()["requests"] == before


@pytest.mark.failures("bad_request")
def test_faulty_framing_byte_by_byte(endpoints: Endpoints) -> None:
    """A faulty head that arrives byte by byte is refused just the same."""
    for name in ("gzip-chunked", "chunked-then-cow", "folded-into-another", "folded-encoding"):
        status, fields, _ = FAULTY[name]
        with endpoints.http.http() as http:
            for byte in framed(fields, b"").removesuffix(SMUGGLED):
                http.stream.send(bytes([byte]))
            assert http.receive("POST").status == status, name
            assert http.ended() is False


def test_an_empty_line_before_a_request(endpoints: Endpoints) -> None:
    """An empty line before the request is ignored (RFC 9112 section 2.2)."""
    assert ask(endpoints, b"\r\n" + encode_request("GET", "/hello")).text == "hello\n"


@BOTH
def test_one_byte_at_a_time(scheme: str, endpoints: Endpoints) -> None:
    """A request that arrives byte by byte is served like any other."""
    with endpoints[scheme].http() as http:
        for byte in encode_request("POST", "/echo", "h", b"body"):
            http.stream.send(bytes([byte]))
        assert http.receive().json()["body"] == "body"


@BOTH
def test_a_client_that_leaves_in_its_body(scheme: str, endpoints: Endpoints) -> None:
    """A client that sends half a body and closes leaves nothing behind."""
    http = endpoints[scheme].http()
    http.stream.send(encode_request("POST", "/upload", body=b"x" * 8000)[:4000])
    http.close()


@pytest.mark.failures("peer_reset")
@BOTH
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET /hel", id="target"),
        pytest.param(b"GET /hello HTTP/1.1\r\nHos", id="header"),
        pytest.param(
            b"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabc", id="body"
        ),
        pytest.param(b"GET /slow?ms=50 HTTP/1.1\r\nHost: x\r\n\r\n", id="handler"),
        pytest.param(b"GET /big?n=24000 HTTP/1.1\r\nHost: x\r\n\r\n", id="answer"),
    ],
)
def test_a_client_that_resets(scheme: str, data: bytes, endpoints: Endpoints) -> None:
    """A reset at any point of a request or response disturbs nothing else."""
    stream = endpoints[scheme].stream()
    stream.send(data)
    stream.reset()


@pytest.mark.failures("peer_reset")
def test_a_reset_in_the_middle_of_a_big_answer(endpoints: Endpoints, board: Board) -> None:
    """A client that resets after reading part of a big response leaves nothing behind."""
    for scheme in ("http", "https"):
        stream = endpoints[scheme].stream()
        stream.send(encode_request("GET", f"/big?n={board.largest_object}"))
        assert stream.receive()
        stream.reset()


@BOTH
def test_a_slow_reader_holds_nobody_up(scheme: str, endpoints: Endpoints, board: Board) -> None:
    """While one client does not read its big response, others are served; later it gets it all."""
    with endpoints[scheme].http() as slow:
        slow.send("GET", f"/big?n={board.largest_object}")
        for _ in range(5):
            assert endpoints.http.get("/hello").status == 200
        assert slow.receive().body == b"x" * board.largest_object


def test_a_client_that_half_closes(endpoints: Endpoints) -> None:
    """A client that has half-closed still gets its response (RFC 9112 section 9.6)."""
    with endpoints.http.raw() as stream:
        stream.send(encode_request("GET", "/hello"))
        stream.finish()
        assert HttpConnection(stream).receive().text == "hello\n"


def test_an_upgrade_to_http_2_is_ignored(endpoints: Endpoints) -> None:
    """h2c is not supported: the request is served as HTTP/1.1 (RFC 9110 section 7.8)."""
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMA"}
    assert endpoints.http.request("GET", "/hello", headers=headers).status == 200


def test_many_connections_one_after_the_other(shared_device: Device, endpoints: Endpoints) -> None:
    """Two hundred connections, each with one request, leave nothing behind."""
    for _ in range(200):
        assert endpoints.http.get("/hello").status == 200
    assert shared_device.stats()["http"]["open"] <= 1


def test_connections_without_a_request(endpoints: Endpoints) -> None:
    """Connections that close without a request do not count as failures."""
    for _ in range(20):
        endpoints.http.raw().close()
    with pytest.raises((ClientError, ConnectionEnded)):
        endpoints.http.patient(0.2).http().receive()
