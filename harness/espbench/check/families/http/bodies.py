# SPDX-License-Identifier: MIT
"""Bodies of requests: where they end by Content-Length or chunks, and Expect: 100-continue.

Each body is followed by another request. A server may refuse a body, but it must not take any part
of it for a request.
"""

from __future__ import annotations

import contextlib
from weakref import WeakKeyDictionary

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.http.exchange import (
    CHUNKS,
    Exchange,
    exchange,
    head,
    normal,
    quoted,
    receive_all,
)
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import ClientTimeout, chunked
from espbench.clients.errors import ClientError
from espbench.device.device import Device
from espbench.util.listing import listing

INNER = b"GET /espbench-inside-of-a-body HTTP/1.1\r\nHost: espbench.test\r\n\r\n"
"""A body that looks like a request."""
CODING = "Transfer-Encoding: chunked"
TOO_LARGE = 413
DECODES, REFUSES, IGNORES = "decodes", "refuses", "ignores"


def judge(subject: Subject, got: Exchange, what: str) -> str:
    """Return what became of a valid body that a GET followed: "decodes" or "refuses" it.

    Raises:
        CheckFailed: a part of it was taken for a request, or the GET was lost.
    """
    expect(
        not got.silent,
        f"{what} got no answer, and the connection stayed open.",
        Severity.ROBUSTNESS,
    )
    if len(got.responses) <= 1 and not got.invalid:
        expect(
            got.ended,
            f"{what} was answered with {got.status}, but the request after it was not, and the "
            "connection stayed open.",
        )
        return REFUSES
    expect(
        not got.invalid and got.statuses[1:] == (normal(subject),),
        f"{what} was read as several requests: when a GET followed, {got} (a GET alone gets "
        f"{normal(subject)}).",
        Severity.SECURITY,
    )
    return DECODES


_CHUNKED: WeakKeyDictionary[Device, dict[tuple[int, str], str]] = WeakKeyDictionary()


def chunked_support(subject: Subject, method: str = "GET") -> str:
    """Return what a server does with a valid chunked body: decodes, refuses or ignores it."""
    known = _CHUNKED.setdefault(subject.device, {})
    key = subject.server.port, method
    if key not in known:
        data = head(subject, CODING, method=method) + CHUNKS
        got = exchange(subject, data, methods=[method], then=head(subject, close=True))
        if len(got.responses) <= 1 and not got.invalid:
            known[key] = REFUSES
        else:
            good = not got.invalid and got.statuses[1:] == (normal(subject),)
            known[key] = DECODES if good else IGNORES
    return known[key]


METHODS = ("GET", "POST")
LENGTHS: dict[str, tuple[str, str, bytes]] = {
    f"{method}, {name}": (method, field, body)
    for method in METHODS
    for name, field, body in (
        ("a short body", "Content-Length: 4", b"body"),
        ("an empty body", "Content-Length: 0", b""),
        ("leading zeros", "Content-Length: 0004", b"body"),
        ("blanks around the number", "Content-Length: \t 4 ", b"body"),
        ("a tab after the number", "Content-Length: 4\t", b"body"),
        ("a body like a request", f"Content-Length: {len(INNER)}", INNER),
        ("2000 bytes", "Content-Length: 2000", b"b" * 2000),
    )
}


@check(
    "http.content_length",
    "RFC 9112, section 6.3",
    Severity.SECURITY,
    plain=True,
    cases=LENGTHS,
    estimate=3,
)
def content_length(subject: Subject, case: tuple[str, str, bytes]) -> Observation | None:
    """A body ends where Content-Length says, whether the server wants it or not."""
    method, field, body = case
    data = head(subject, field, method=method) + body
    got = exchange(subject, data, methods=[method], then=head(subject, close=True))
    if judge(subject, got, f"A {method} with {quoted(field)}") == REFUSES and not body:
        return Observation(f"The server closes the connection after a {method} with an empty body.")
    return None


CHUNKED: dict[str, tuple[str, bytes]] = {
    "one chunk": (CODING, CHUNKS),
    "no chunk": (CODING, b"0\r\n\r\n"),
    "three chunks": (CODING, chunked([b"one ", b"two ", b"three" * 100])),
    "upper case": ("TRANSFER-ENCODING: CHUNKED", CHUNKS),
    "blanks around it": ("Transfer-Encoding:  chunked\t ", CHUNKS),
    "tabs around it": ("Transfer-Encoding:\tchunked\t", CHUNKS),
    "lower case, no blank before it": ("transfer-encoding:chunked ", CHUNKS),
    "leading zeros": (CODING, b"00004\r\nbody\r\n000\r\n\r\n"),
    "upper-case digits": (CODING, b"A\r\n0123456789\r\n0\r\n\r\n"),
    "an extension": (CODING, b"4;name=value\r\nbody\r\n0;last\r\n\r\n"),
    "a quoted extension": (CODING, b'4;name="a;b"\r\nbody\r\n0\r\n\r\n'),
    "a trailer": (CODING, b"4\r\nbody\r\n0\r\nX-Espbench: a\r\n\r\n"),
    "framing in a trailer": (
        CODING,
        b"4\r\nbody\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\n\r\n",
    ),
    "a body like a request": (CODING, chunked([INNER])),
}


NAMES = {f"{method}, {name}": (method, name) for method in METHODS for name in CHUNKED}


@check(
    "http.chunked",
    "RFC 9112, section 7.1",
    Severity.SECURITY,
    plain=True,
    cases=NAMES,
    estimate=4,
)
def chunked_bodies(subject: Subject, case: tuple[str, str]) -> Observation | None:
    """A chunked body is decoded or refused, and no part of it is taken for a request."""
    method, name = case
    line, body = CHUNKED[name]
    data = head(subject, line, method=method) + body
    got = exchange(subject, data, methods=[method], then=head(subject, close=True))
    what = f"A {method} with a chunked body ({name})"
    if judge(subject, got, what) == DECODES:
        return None
    if name == "one chunk":
        return Observation(f"A {method} with a chunked body is refused: {got}.")
    expect(
        chunked_support(subject, method) != DECODES or got.status == TOO_LARGE,
        f"{what} was refused ({got}), although the server decodes other chunked bodies: a "
        "recipient MUST be able to parse them.",
        Severity.CONFORMANCE,
    )
    return None


BAD_CHUNKS = {
    # Each would be a complete body for a lenient reader, so a GET behind it would be answered.
    "no size": b"\r\nbody\r\n0\r\n\r\n",
    "letters": b"xyz\r\nbody\r\n0\r\n\r\n",
    "minus": b"-4\r\nbody\r\n0\r\n\r\n",
    "plus": b"+4\r\nbody\r\n0\r\n\r\n",
    "0x": b"0x4\r\nbody\r\n0\r\n\r\n",
    "leading blank": b" 4\r\nbody\r\n0\r\n\r\n",
    "letters after the size": b"4x\r\nbody\r\n0\r\n\r\n",
    "2**32 + 4": b"100000004\r\nbody\r\n0\r\n\r\n",
    "2**64 + 4": b"10000000000000004\r\nbody\r\n0\r\n\r\n",
    "40 digits": b"0" * 31 + b"f00000000\r\nbody\r\n0\r\n\r\n",
    "data longer than its size": b"2\r\nbody\r\n0\r\n\r\n",
    "data shorter than its size": b"6\r\nbody\r\n0\r\n\r\n",
    "no end of the data": b"4\r\nbody0\r\n\r\n",
    "NUL after the size": b"4\0\r\nbody\r\n0\r\n\r\n",
}


@check(
    "http.chunk_size",
    "RFC 9112, section 7.1",
    Severity.SECURITY,
    plain=True,
    cases=BAD_CHUNKS,
    estimate=6,
)
def chunk_size(subject: Subject, body: bytes) -> None:
    """An invalid chunk ends the connection, and a GET after it is not answered."""
    support = chunked_support(subject)
    if support != DECODES:
        raise NotApplicable(f"The server {support} chunked bodies (see http.chunked).")
    data = head(subject, "Transfer-Encoding: chunked", method="POST") + body
    got = exchange(subject, data, methods=["POST"], then=head(subject, close=True))
    expect(
        len(got.responses) <= 1 and not got.invalid,
        f"A GET after the invalid chunk {quoted(body)} was answered: {got}.",
    )


EXPECTATIONS: dict[str, tuple[str, str]] = {
    "POST": ("POST", "HTTP/1.1"),
    "GET": ("GET", "HTTP/1.1"),
    "HTTP/1.0": ("POST", "HTTP/1.0"),
}


@check(
    "http.expect_continue", "RFC 9110, section 10.1.1", plain=True, cases=EXPECTATIONS, estimate=2
)
def expect_continue(subject: Subject, case: tuple[str, str]) -> None:
    """A client that waits for 100 (Continue) before it sends its body gets a response at once."""
    method, version = case
    if version == "HTTP/1.0":
        got = exchange(subject, _expecting(subject, method, version) + b"body", methods=[method])
        informational = got.responses[0].informational if got.responses else ()
        expect(
            not informational,
            f"An HTTP/1.0 client got {listing(map(str, informational))}: a server MUST NOT send it "
            "a 1xx response.",
        )
        return
    # Twice, because a stalled connection looks the same.
    waits = [each for each in (_waits(subject, method) for _ in range(2)) if each]
    expect(
        len(waits) < 2,
        f"A {method} with 'Expect: 100-continue' got neither 100 nor a final response within "
        f"{SOON:g} s; {waits[-1] if waits else ''}. The server MUST send one of them at once.",
    )


SOON = 3.0
"""Seconds (before scaling) for an immediate response."""


def _expecting(subject: Subject, method: str, version: str = "HTTP/1.1") -> bytes:
    fields = ("Expect: 100-continue", "Content-Length: 4")
    return head(subject, *fields, method=method, version=version)


def _waits(subject: Subject, method: str) -> str:
    """Return what a server that waits for the body did when it came; "" if it does not wait."""
    with subject.endpoint.http() as http:
        http.stream.send(_expecting(subject, method))
        first = b""
        try:
            first = http.stream.receive(SOON)
        except ClientTimeout:
            pass
        except ClientError:
            return ""  # it refuses by ending the connection
        else:
            if not first.startswith(b"HTTP/1.1 100") or first.partition(b"\r\n\r\n")[2]:
                return ""  # a final response
        with contextlib.suppress(ClientError):
            http.stream.send(b"body")
        answer = receive_all(http, [method], most=1)
        expect(
            answer.responses or answer.ended or not first,
            f"A {method} with 'Expect: 100-continue' got 100, but no response after its body.",
            Severity.ROBUSTNESS,
        )
        return "" if first else f"when the body arrived, {answer}"
