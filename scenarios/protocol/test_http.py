# SPDX-License-Identifier: MIT
"""HTTP/1.1 as in RFC 9112 and RFC 9110, as far as it concerns this firmware's limits and handlers.

The rest, which any server has to do, is in test_conformance.py.
"""

from __future__ import annotations

import pytest
from espbench.boards.board import Board
from espbench.clients import (
    ClientError,
    ConnectionEnded,
    Endpoints,
    Stream,
    TlsStream,
    chunked,
    encode_request,
    run_concurrently,
)
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])


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


@pytest.mark.failures("header_too_large")
@BOTH
@pytest.mark.parametrize("headers", [{"X": "y" * 9000}, {f"X-{i}": "y" * 40 for i in range(200)}])
def test_431(scheme: str, headers: dict[str, str], endpoints: Endpoints) -> None:
    """A header field that is too long, or too many of them, get a 431 (RFC 6585 section 5)."""
    with endpoints[scheme].http() as http:
        assert http.request("GET", "/hello", headers=headers).status == 431


LIMITS = (
    "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
    "key_file='/certs/prvtkey.pem'{})".format
)


@pytest.mark.failures("uri_too_long", "header_too_large")
@BOTH
def test_limits_of_a_head(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """start() sets the limits of target and head; by default a target may have 8000 bytes.

    RFC 9110, section 4.1, recommends that as the least.
    """

    def statuses() -> list[int]:
        """Return what targets of 100, 101, 8000 and 8001 bytes get, and fields of 400 to 8000."""
        targets = ("/hello?" + "x" * (size - len("/hello?")) for size in (100, 101, 8000, 8001))
        got = [endpoints[scheme].get(target).status for target in targets]
        for size in (400, 1000, 7900, 9000):
            headers = {"X-Long": "y" * size}
            got.append(endpoints[scheme].request("GET", "/hello", headers=headers).status)
        return got

    assert statuses() == [200, 200, 200, 414, 200, 200, 200, 431]
    shared_device.eval(LIMITS(", max_target=100, max_head=600"))
    try:
        assert statuses() == [200, 414, 414, 414, 200, 431, 431, 431]
    finally:
        shared_device.eval(LIMITS(""))
    assert statuses() == [200, 200, 200, 414, 200, 200, 200, 431]


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
    assert endpoints.http.get("/hello?" + "x" * 8000).status == 414


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
            outcomes = run_concurrently([lambda: endpoints.http.get("/hello").status] * 6)
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


@BOTH
def test_all_requests_before_a_fin_are_answered(scheme: str, endpoints: Endpoints) -> None:
    """A FIN, or close_notify, behind pipelined requests is not a reason to drop them."""
    with endpoints[scheme].http() as http:
        stream = http.stream
        assert isinstance(stream, Stream | TlsStream)
        stream.send(b"".join(encode_request("POST", "/echo", body=b"%d" % i) for i in range(3)))
        stream.finish()
        answers = [http.receive() for _ in range(3)]
        assert [answer.json()["body"] for answer in answers] == ["0", "1", "2"]
        assert [answer.keeps_alive for answer in answers[:2]] == [True, True]
        assert http.ended() is False


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


@pytest.mark.failures("bad_request")
@pytest.mark.parametrize(
    "host",
    [b"Host: :80", b"Host x", b"Host : x"],
    ids=["no-name", "no-colon", "space-before-colon"],
)
def test_what_is_no_host(host: bytes, endpoints: Endpoints) -> None:
    """A Host field without a name, or a line that is not a field, gets a 400."""
    with endpoints.http.http() as http:
        http.stream.send(b"GET /hello HTTP/1.1\r\n%b\r\n\r\n" % host)
        assert http.receive().status == 400
        http.ended()


CHUNKS = b"4\r\nbody\r\n0\r\n\r\n"
SMUGGLED = b"GET /hello HTTP/1.1\r\nHost: espbench.test\r\n\r\n"
"""A request that a front end with another reading of the framing would take for body data."""


def framed(fields: bytes, body: bytes = b"") -> bytes:
    """Return a POST with these header lines and this body."""
    return b"POST /echo HTTP/1.1\r\nHost: espbench.test\r\n" + fields + b"\r\n" + body


STRICT = {
    # which a server may take for one (RFC 9112 section 6.3, item 5)
    "the-same-length-twice": (b"Content-Length: 4\r\nContent-Length: 4\r\n", b"body"),
    "list-of-lengths": (b"Content-Length: 4, 4\r\n", b"body"),
    # NUL (RFC 9110 section 5.5): it would split a value into several fields
    "nul-hides-a-coding": (
        b"X-Any: \0transfer-encoding\r\nchunked: x\r\nTransfer-Encoding: gzip, chunked\r\n"
        b"X-Any: \0x\r\n",
        CHUNKS,
    ),
}
"""By name: the header lines, the body."""


@pytest.mark.failures("bad_request")
@BOTH
@pytest.mark.parametrize("name", STRICT)
def test_framing_that_others_may_take(
    scheme: str, name: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """Framing that others may take, or that this parser could misread, is refused.

    Nothing after the head is taken for a request (RFC 9112 section 11.2, request smuggling).
    """
    before = shared_device.stats()["requests"]
    with endpoints[scheme].http() as http:
        http.stream.send(framed(*STRICT[name]) + SMUGGLED)
        answer = http.receive("POST")
        assert (answer.status, answer.header("connection")) == (400, "close")
        assert http.ended() is False
    assert shared_device.stats()["requests"] == before


@pytest.mark.failures("bad_request")
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param(b"Transfer-Encoding: gzip, chunked\r\n", 501, id="gzip-chunked"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", 400, id="chunked-then-cow"
        ),
        pytest.param(b"X-Any: a\r\n Transfer-Encoding: chunked\r\n", 400, id="folded-into-another"),
        pytest.param(b"Transfer-Encoding:\r\n chunked\r\n", 400, id="folded-encoding"),
    ],
)
def test_faulty_framing_byte_by_byte(fields: bytes, status: int, endpoints: Endpoints) -> None:
    """A faulty head that arrives byte by byte is refused just the same."""
    with endpoints.http.http() as http:
        for byte in framed(fields):
            http.stream.send(bytes([byte]))
        assert http.receive("POST").status == status
        assert http.ended() is False


@pytest.mark.failures("peer_reset")
@BOTH
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET /slow?ms=50 HTTP/1.1\r\nHost: x\r\n\r\n", id="handler"),
        pytest.param(b"GET /big?n=24000 HTTP/1.1\r\nHost: x\r\n\r\n", id="answer"),
    ],
)
def test_a_client_that_resets(scheme: str, data: bytes, endpoints: Endpoints) -> None:
    """A reset while the handler runs or its response is sent disturbs nothing else."""
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


def test_an_upgrade_to_http_2_is_ignored(endpoints: Endpoints) -> None:
    """h2c is not supported: the request is served as HTTP/1.1 (RFC 9110 section 7.8)."""
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMA"}
    assert endpoints.http.request("GET", "/hello", headers=headers).status == 200


def test_date(shared_device: Device, endpoints: Endpoints) -> None:
    """A response has a Date only once the clock was set (RFC 9110, section 6.6.1)."""
    if not shared_device.eval("hasattr(__import__('machine'), 'RTC')"):
        assert endpoints.http.get("/hello").header("date") is None
        pytest.skip("this board has no clock that could be set")
    shared_device.exec(
        "import httpserver, machine\n"
        "httpserver.on('/dated', lambda r: httpserver.send('', headers={'Date': 'mine'}))\n"
        "machine.RTC().datetime((2000, 1, 1, 0, 0, 0, 0, 0))"
    )
    try:
        assert endpoints.http.get("/hello").header("date") is None
        shared_device.exec("machine.RTC().datetime((2028, 2, 29, 0, 23, 59, 0, 0))")
        for path in ("/hello", "/nothing"):
            date = endpoints.http.get(path).header("date") or ""
            assert date.startswith("Tue, 29 Feb 2028 23:59:")
            assert date.endswith(" GMT")
        dates = [value for name, value in endpoints.http.get("/dated").headers if name == "date"]
        assert dates == ["mine"]
    finally:
        shared_device.exec(
            "machine.RTC().datetime((2000, 1, 1, 0, 0, 0, 0, 0))\nhttpserver.off('/dated')"
        )


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
