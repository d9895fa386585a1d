# SPDX-License-Identifier: MIT
"""Wrong input on the TLS port: an alert where one is due, an end, and nobody else suffers."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from espbench.check.check import CheckFailed, NotApplicable, Observation, check
from espbench.check.families.tls.parameters import hello_for, takes
from espbench.check.families.tls.support import served
from espbench.check.handshake.client_hello import (
    SUITES,
    ClientHello,
    Extension,
    record,
    usual,
)
from espbench.check.handshake.names import TLS11, TLS12, TLS13, alert_name, alert_names
from espbench.check.handshake.server_flight import ServerFlight, ask
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import encode_request

UNEXPECTED, OVERFLOW, FAILURE, ILLEGAL, DECODE = 10, 22, 40, 47, 50
VERSION, SECURITY, RENEGOTIATION = 70, 71, 100
WAIT = 25.0
"""Seconds (before scaling) in which a connection has to end: longer than handshake time-outs."""


@dataclass(frozen=True)
class Wrong:
    """Wrong input, and what is due.

    Attributes:
        what: what was sent.
        sent: returns the bytes.
        alerts: the descriptions that the RFCs give for it; the first one is the best.
        must: the section that demands an alert with MUST in TLS 1.2, or "".
        must13: the same for a server that has TLS 1.3.
        may_go_on: whether a server may ignore it and go on.
    """

    what: str
    sent: Callable[[], bytes]
    alerts: tuple[int, ...]
    must: str = ""
    must13: str = ""
    may_go_on: bool = False


def _hello(**changes: object) -> bytes:
    fields: dict[str, object] = {"extensions": usual(), "suites": (*SUITES, 0x00FF), **changes}
    return ClientHello(**fields).record()  # type: ignore[arg-type]


def _message(body: bytes, kind: int = 1) -> bytes:
    return record(bytes((kind,)) + len(body).to_bytes(3, "big") + body)


def _odd_suites() -> bytes:
    body = ClientHello(suites=(0xC02B, 0xC02F), extensions=usual()).body()
    at = 2 + 32 + 1
    return _message(body[:at] + b"\0\3" + body[at + 2 : at + 5] + body[at + 6 :])


def _cut_short() -> bytes:
    return _message(ClientHello(extensions=usual()).body()[:50])


def _beyond() -> bytes:
    """Return a ClientHello whose extensions are longer than the message."""
    hello = ClientHello(extensions=usual())
    body = hello.body()
    bare = ClientHello(random=hello.random).body()
    at = len(bare)
    length = int.from_bytes(body[at : at + 2], "big") + 40
    return _message(body[:at] + length.to_bytes(2, "big") + body[at + 2 :])


def _sslv2() -> bytes:
    suites = b"\x01\x00\x80\x07\x00\xc0"
    body = (
        b"\x01\x00\x02" + len(suites).to_bytes(2, "big") + b"\0\0\0\x10" + suites + os.urandom(16)
    )
    return (0x8000 | len(body)).to_bytes(2, "big") + body


NO_SUITE = "RFC 5246, section 7.4.1.3; RFC 8446, section 4.1.1"
WRONG = {
    "TLS 1.1 alone": Wrong(
        "a ClientHello of TLS 1.1",
        lambda: hello_for(TLS11),
        (VERSION,),
        "RFC 5246, appendix E.1",
        "RFC 8446, section 4.2.1",
    ),
    "no common cipher suite": Wrong(
        "a ClientHello with unknown cipher suites only",
        lambda: _hello(suites=(0x3A3A, 0x7777)),
        (FAILURE, SECURITY, ILLEGAL),
        NO_SUITE,
        NO_SUITE,
    ),
    "no common group": Wrong(
        "a ClientHello with ECDHE suites and an unknown group only",
        lambda: _hello(suites=(0xC02B, 0xC02F, 0xC02C, 0xC030), extensions=usual((0x7777,))),
        (FAILURE, SECURITY, ILLEGAL),
        NO_SUITE,
        NO_SUITE,
    ),
    "unknown record type": Wrong(
        "a record of type 99",
        lambda: record(b"what is it?", 99, TLS12),
        (UNEXPECTED,),
        "RFC 5246, section 6",
        "RFC 8446, section 5",
    ),
    "record too long": Wrong(
        "a record of 2^14 + 2049 bytes",
        lambda: record(bytes(2**14 + 2049), 22, TLS12),
        (OVERFLOW, DECODE, UNEXPECTED),
        "",
        "RFC 8446, section 5.1",
    ),
    "application data first": Wrong(
        "application data instead of a ClientHello",
        lambda: record(b"GET / HTTP/1.1\r\n\r\n", 23, TLS12),
        (UNEXPECTED,),
        "",
        "RFC 8446, section 5",
    ),
    "ChangeCipherSpec first": Wrong(
        "a ChangeCipherSpec instead of a ClientHello",
        lambda: record(b"\1", 20, TLS12),
        (UNEXPECTED,),
        "",
        "RFC 8446, section 5",
    ),
    "Finished first": Wrong(
        "a Finished instead of a ClientHello", lambda: _message(bytes(12), 20), (UNEXPECTED,)
    ),
    "ClientHello cut short": Wrong(
        "a ClientHello that is cut off after 50 bytes",
        _cut_short,
        (DECODE,),
        "",
        "RFC 8446, section 6",
    ),
    "extensions beyond the end": Wrong(
        "a ClientHello whose extensions are longer than the message",
        _beyond,
        (DECODE,),
        "",
        "RFC 8446, section 6",
    ),
    "cipher suites of odd length": Wrong(
        "a ClientHello whose list of cipher suites has 3 bytes",
        _odd_suites,
        (DECODE, ILLEGAL),
        "",
        "RFC 8446, section 6",
    ),
    "no null compression": Wrong(
        "a ClientHello without the null compression method",
        lambda: _hello(compressions=b"\1"),
        (ILLEGAL, DECODE, FAILURE),
        "",
        "RFC 8446, section 4.1.2",
        may_go_on=True,
    ),
    "an extension twice": Wrong(
        "a ClientHello with the extension supported_groups twice",
        lambda: _hello(extensions=[*usual(), usual()[1]]),
        (ILLEGAL, DECODE),
        may_go_on=True,
    ),
    "malformed server_name": Wrong(
        "a ClientHello whose list of server names is longer than the extension",
        lambda: _hello(extensions=[Extension(0, b"\0\x20\0\0\x05hello"), *usual()[1:]]),
        (DECODE, ILLEGAL),
        "",
        "RFC 8446, section 6",
        may_go_on=True,
    ),
    "extension with a wrong length": Wrong(
        "a ClientHello whose list of supported_groups has 3 bytes",
        lambda: _hello(extensions=[Extension(10, b"\0\3\0\x1d\0"), *usual()[3:]]),
        (DECODE, ILLEGAL),
        "",
        "RFC 8446, section 6",
        may_go_on=True,
    ),
    "empty handshake record": Wrong(
        "an empty handshake record", lambda: record(b""), (UNEXPECTED, DECODE), may_go_on=True
    ),
    "garbage": Wrong(
        "300 bytes of garbage",
        lambda: b"\xde\xad" + os.urandom(298),
        (UNEXPECTED, VERSION, DECODE, OVERFLOW),
    ),
    "plain HTTP": Wrong(
        "an HTTP request without TLS",
        lambda: encode_request("GET", "/"),
        (UNEXPECTED, VERSION, DECODE, OVERFLOW),
    ),
    "SSL 2.0": Wrong("a ClientHello of SSL 2.0", _sslv2, (VERSION, UNEXPECTED, FAILURE, DECODE)),
}


def judge(wrong: Wrong, flight: ServerFlight, *, modern: bool) -> Observation | None:
    """Return what a server's answer to wrong input is worth; pure.

    Args:
        wrong: what was sent.
        flight: the answer.
        modern: whether the server has TLS 1.3.

    Raises:
        CheckFailed: an RFC demands something else.
    """
    must = (wrong.must13 if modern else "") or wrong.must
    due = alert_names(wrong.alerts[:2])
    usual = f"where the alert {due} is usual"
    if flight.accepted and not wrong.may_go_on:
        raise CheckFailed(f"It {flight.how()} after {wrong.what}: it should send the alert {due}.")
    if flight.end == "silent" and flight.alert is None and not wrong.may_go_on:
        raise CheckFailed(
            f"It {flight.how()} within {WAIT:g} s after {wrong.what}: it has to end the "
            f"connection with the alert {due}.",
            Severity.ROBUSTNESS,
        )
    if flight.description in wrong.alerts or flight.end == "silent":
        return None
    if flight.accepted:
        return Observation(f"It {flight.how()} after {wrong.what}, {usual}.")
    if flight.alert is None and must:
        raise CheckFailed(
            f"It {flight.how()} after {wrong.what}: it must send the alert {due} ({must})."
        )
    if flight.alert is None:
        return Observation(f"It {flight.how()} after {wrong.what}, {usual}.")
    name = alert_name(flight.description)
    return Observation(f"It sent the alert {name} after {wrong.what}, {usual}.")


@check(
    "tls.alerts",
    "RFC 5246, section 7.2; RFC 8446, section 6",
    needs="tls",
    cases=WRONG,
    estimate=8,
)
def alerts(subject: Subject, wrong: Wrong) -> Observation | None:
    """It ends the connection after invalid input, with the alert that the RFC names."""
    if wrong.alerts == (VERSION,) and takes(subject, TLS11):
        raise NotApplicable("It supports TLS 1.1: see tls.old_versions.")
    modern = takes(subject, TLS13)
    flight = ask(subject.endpoint, wrong.sent(), WAIT)
    observed = judge(wrong, flight, modern=modern)
    if not served(subject, WAIT):
        raise CheckFailed(
            f"After {wrong.what}, the next client was not served within {WAIT:g} s.",
            Severity.ROBUSTNESS,
        )
    return observed
