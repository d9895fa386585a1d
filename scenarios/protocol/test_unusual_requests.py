# SPDX-License-Identifier: MIT
"""Requests that are valid though few clients send them, and their faulty siblings, on a device."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from espbench.clients import (
    Endpoints,
)
from espbench.device.device import Device

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])


@pytest.fixture
def parts(shared_device: Device) -> Iterator[None]:
    """Add a handler that returns what the device makes of a request's head and body."""
    shared_device.exec(
        "import httpserver, json\n"
        "def parts(r):\n"
        "    return json.dumps([r.uri, r.path, r.query, r.headers, r.body.decode()])\n"
        "for method in ('GET', 'POST'):\n"
        "    httpserver.on('/parts', parts, method)"
    )
    yield
    shared_device.exec("httpserver.off('/parts')\ndel parts, method")


@BOTH
@pytest.mark.parametrize("authority", ["a.test", "A.TEST:8080", "[::1]:80"])
def test_absolute_form(scheme: str, authority: str, parts: None, endpoints: Endpoints) -> None:
    """The absolute-form is served like its path; its authority replaces Host (RFC 9112, 3.2.2)."""
    with endpoints[scheme].http() as http:
        for name in (scheme, scheme.upper()):
            got = http.request("POST", f"{name}://{authority}/parts?a=b", b"body").json()
            uri, path, query, headers, body = got
            assert (uri, path, query, body) == ("/parts?a=b", "/parts", "a=b", "body")
            assert headers["host"] == authority
        assert http.get(f"{scheme}://{authority}").text == http.get("/").text
        assert http.request("OPTIONS", f"{scheme}://{authority}/hello").status == 405
        assert http.get(f"{scheme}://{authority}/nothing").status == 404
        # HTTP/1.0 without Host
        http.stream.send(f"GET {scheme}://{authority}/parts HTTP/1.0\r\n\r\n".encode())
        assert http.receive().json() == ["/parts", "/parts", "", {"host": authority}, ""]


@pytest.mark.failures("bad_request")
@BOTH
def test_faulty_absolute_form(scheme: str, endpoints: Endpoints) -> None:
    """Another scheme, an invalid authority or no valid Host in addition gets an error."""
    other = {"http": "https", "https": "http"}[scheme]
    for target, status in {
        "ftp://a/hello": 400,
        "ws://a/hello": 400,
        f"{scheme}:///hello": 400,
        f"{scheme}://user@a/hello": 400,
        f"{scheme}://a:http/hello": 400,
        f"{scheme}://[::1/hello": 400,
        # RFC 9110, section 7.4
        f"{other}://a/hello": 421,
    }.items():
        with endpoints[scheme].http() as http:
            assert http.get(target).status == status, target
            assert http.ended() is False
    for fields in (b"", b"Host: a b\r\n", b"Host: a\r\nHost: a\r\n"):
        with endpoints[scheme].http() as http:
            http.stream.send(b"GET %b://a/hello HTTP/1.1\r\n%b\r\n" % (scheme.encode(), fields))
            assert http.receive().status == 400, fields


@BOTH
def test_white_space_around_a_value(scheme: str, parts: None, endpoints: Endpoints) -> None:
    """White space around a field's value does not belong to it (RFC 9112, section 5.1)."""
    with endpoints[scheme].http() as http:
        http.stream.send(
            b"POST /parts HTTP/1.1\r\nHost: \t a.test \t\r\nX-Inside:a \t b \r\n"
            b"X-Empty: \t \r\nX-None:\r\nContent-Length: 4 \t \r\nConnection: close\t\r\n\r\nb\tdy"
        )
        answer = http.receive()
        assert answer.header("connection") == "close"
        _, _, _, headers, body = answer.json()
    assert headers == {
        "host": "a.test",
        "x-inside": "a \t b",
        "x-empty": "",
        "x-none": "",
        "content-length": "4",
        "connection": "close",
    }
    assert body == "b\tdy"


@pytest.mark.failures("bad_request")
@pytest.mark.parametrize("length", [b"4\t5", b"\t4\t4", b"4\x0b"])
def test_a_tab_inside_a_length(length: bytes, endpoints: Endpoints) -> None:
    """White space inside a Content-Length, or another control character, is a 400."""
    with endpoints.http.http() as http:
        http.stream.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %b\r\n\r\n" % length)
        assert http.receive().status == 400
        assert http.ended() is False


REPEATED = {
    (b"one", b"two"): "one, two",
    (b"one", b"\xff"): b"one, \xff",
    (b"\xff", b"one", b"two"): b"\xff, one, two",
    (b"\xc3", b"\xa4"): b"\xc3, \xa4",
}
"""What a handler sees, by the values of a field that is repeated."""


@BOTH
def test_a_repeated_field(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """Values of one field form a list (RFC 9110, section 5.3), also where one is not UTF-8."""
    shared_device.exec(
        "import httpserver\nhttpserver.on('/list', lambda r: repr(r.headers['x-value']))"
    )
    seen = {}
    try:
        with endpoints[scheme].http() as http:
            for values in REPEATED:
                lines = b"".join(b"X-Value: %b\r\n" % value for value in values)
                http.stream.send(b"GET /list HTTP/1.1\r\nHost: a\r\n%b\r\n" % lines)
                seen[values] = ast.literal_eval(http.receive().text)
    finally:
        shared_device.exec("httpserver.off('/list')")
    assert seen == REPEATED


METHODS = {
    # any token (RFC 9110, section 9.1), known to anybody else or not
    **dict.fromkeys(
        ("FROB /", "get /", "Get /", "GE /", "GETX /", "X-Y.z!# *", "PROPFIND /", "TRACE /"), 501
    ),
    **dict.fromkeys(("A" * 32 + " /", "A" * 4000 + " /", "CONNECT a.test:80"), 501),
    # none
    **dict.fromkeys(("FR(B /", "FROB\t/", "FR\xd6B /", "GET\x00 /", "@GET /", "FROB?"), 400),
    # the whole server, which only OPTIONS may ask (RFC 9112, section 3.2.4)
    **dict.fromkeys(("GET *", "OPTIONS *x", "DELETE *"), 400),
}
"""The status by request line, without its version."""


@pytest.mark.failures("bad_request")
@BOTH
@pytest.mark.parametrize("pieces", [False, True], ids=["at once", "byte by byte"])
def test_methods(pieces: bool, scheme: str, endpoints: Endpoints) -> None:
    """An unknown method is a 501, one that is not a token a 400, however it arrives."""
    got = {}
    for line in METHODS:
        data = line.encode("latin-1") + b" HTTP/1.1\r\nHost: a.test\r\n\r\n"
        with endpoints[scheme].http() as http:
            for piece in [data[at : at + 1] for at in range(40)] if pieces else [data]:
                http.stream.send(piece)
            http.stream.send(data[40:] if pieces else b"")
            got[line] = http.receive().status
    assert got == METHODS


@BOTH
def test_options_of_the_whole_server(scheme: str, endpoints: Endpoints) -> None:
    """OPTIONS * is a 204 with the methods of all handlers (RFC 9110, section 9.3.7)."""
    with endpoints[scheme].http() as http:
        for target in ("*", f"{scheme}://a.test"):
            answer = http.request("OPTIONS", target)
            assert (answer.status, answer.body, answer.header("content-type")) == (204, b"", None)
            allowed = {name.strip() for name in (answer.header("allow") or "").split(",")}
            assert allowed == {"GET", "HEAD", "POST", "OPTIONS"}
        assert http.get("/hello").status == 200


VALUES = {
    b"gr\xc3\xbc\xc3\x9fe \xf0\x9f\x98\x80": "str",
    b"\xff": "bytes",
    b"\xc0\xaf": "bytes",  # an overlong form
    b"\xed\xa0\x80": "bytes",  # a surrogate
    b"\xf4\x90\x80\x80": "bytes",  # above U+10FFFF
}
"""The type that a handler sees, by the value of a field."""


@BOTH
def test_what_is_not_utf_8(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A value is text if it is UTF-8, as RFC 3629, section 4, defines it; otherwise it is bytes."""
    shared_device.exec(
        "import httpserver\nhttpserver.on('/kind', lambda r: type(r.headers['x-value']).__name__)"
    )
    seen = {}
    try:
        with endpoints[scheme].http() as http:
            for value in VALUES:
                http.stream.send(b"GET /kind HTTP/1.1\r\nHost: a\r\nX-Value: %b\r\n\r\n" % value)
                seen[value] = http.receive().text
    finally:
        shared_device.exec("httpserver.off('/kind')")
    assert seen == VALUES


@BOTH
@pytest.mark.failures("bad_request")
@pytest.mark.parametrize("version", ["1.2", "1.9"])
def test_a_higher_minor_version(scheme: str, version: str, endpoints: Endpoints) -> None:
    """A higher minor version is served as HTTP/1.1 (RFC 9110, section 2.5), whose rules it has."""
    line = f"GET /hello HTTP/{version}\r\n".encode()
    with endpoints[scheme].http() as http:
        for _ in range(2):
            http.stream.send(line + b"Host: a\r\n\r\n")
            answer = http.receive()
            assert (answer.http_version, answer.text) == ("1.1", "hello\n")
        http.stream.send(line + b"\r\n")
        assert http.receive().status == 400
        assert http.ended() is False
