# SPDX-License-Identifier: MIT
"""Connections: keep-alive, close, pipelining, half-close, and requests that break off."""

from __future__ import annotations

import contextlib

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.http.exchange import (
    PATIENCE,
    exchange,
    head,
    normal,
    normal_get,
    pipelines,
    receive_all,
    with_fields,
)
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import HttpConnection
from espbench.clients.errors import ClientError
from espbench.clients.tcp import Stream
from espbench.util.listing import listing

REQUESTS = 3
SOON = 4.0
"""Seconds (before scaling) in which a server closes a connection that it has to close."""


@check("http.keep_alive", "RFC 9112, sections 9.3 and 9.6", estimate=1)
def keep_alive(subject: Subject) -> Observation | None:
    """A connection serves several requests, or the response says that it closes."""
    with subject.endpoint.http() as http:
        for number in range(1, REQUESTS + 1):
            with contextlib.suppress(ClientError):
                http.stream.send(head(subject))
            got = receive_all(http, most=1)
            if number == 1:
                expect(got.responses, f"A valid GET was not answered: {got}.", Severity.ROBUSTNESS)
            if got.ended and not got.responses and normal(subject) >= 400:
                return Observation(
                    f"The server closes the connection after a {normal(subject)} response without "
                    "'Connection: close'."
                )
            expect(
                got.status == normal(subject),
                f"Request {number} on a connection was not answered like the first one "
                f"({normal(subject)}), although the previous response had no "
                f"'Connection: close': {got}.",
            )
            if not got.responses[0].keeps_alive:
                rest = receive_all(http, most=1, patience=SOON)
                expect(
                    rest.ended,
                    f"{SOON:g} s after a response with 'Connection: close', the connection is "
                    "still open: the server MUST close it.",
                )
                return Observation("It closes the connection after each response.")
    return None


@check("http.connection_close", "RFC 9112, section 9.6", plain=True, estimate=1)
def connection_close(subject: Subject) -> None:
    """After the response to a request with Connection: close, it closes the connection."""
    got = exchange(subject, head(subject, "Connection: close"), most=2, quiet=SOON)
    expect(got.responses, f"A GET with 'Connection: close' was not answered: {got}.")
    expect(not got.invalid, f"After the response to a GET with 'Connection: close', {got}.")
    expect(
        got.ended,
        f"The connection is still open {SOON:g} s after the response to a GET with "
        "'Connection: close': the server MUST close it after the response.",
    )


@check("http.pipelining", "RFC 9112, section 9.3.2", plain=True, estimate=1.5)
def pipelining(subject: Subject) -> Observation | None:
    """Pipelined requests are answered in order, or the connection closes."""
    missing = "/espbench-does-not-exist"
    other = exchange(subject, head(subject, target=missing), most=1).status
    good = normal(subject)
    wanted = (good, other, good)
    data = b"".join(head(subject, target=path) for path in (None, missing))
    got = exchange(subject, data + head(subject, close=True), most=4, quiet=SOON)
    expect(
        not got.invalid and got.statuses == wanted[: len(got.statuses)],
        f"Three requests get {listing(map(str, wanted))} one by one, but when they "
        f"were pipelined, {got}.",
        Severity.SECURITY,
    )
    if len(got.responses) == len(wanted):
        return None
    expect(
        got.ended,
        f"The server answered only {len(got.responses)} of three pipelined requests within "
        f"{SOON:g} s, and kept the connection open.",
        Severity.ROBUSTNESS,
    )
    return Observation(f"Not all pipelined requests are answered: {got}.")


HALF_CLOSED = {"one request": 1, "three requests": REQUESTS}


@check(
    "http.half_close",
    "RFC 9293, section 3.6; RFC 9112, section 9.3.2",
    plain=True,
    cases=HALF_CLOSED,
    estimate=1,
)
def half_close(subject: Subject, requests: int) -> Observation | None:
    """A client that has closed its sending side still gets its responses."""
    if requests > 1 and not pipelines(subject):
        raise NotApplicable("The server does not answer pipelined requests.")
    stream = subject.endpoint.stream()
    if not isinstance(stream, Stream):
        stream.close()
        return None  # TLS closes both sides at once
    with stream:
        stream.send(head(subject) * requests)
        stream.finish()
        got = receive_all(HttpConnection(stream), most=requests)
    if got.status != normal(subject):
        return Observation(f"A client that has half-closed its connection gets no response: {got}.")
    if len(got.responses) < requests:
        return Observation(
            "A client that has half-closed its connection does not get the responses to all of its "
            f"{requests} requests: {got}."
        )
    return None


BREAKS: dict[str, bytes] = {
    "before the request": b"",
    "in the request line": b"GET /hel",
    "in the head": b"GET PATH HTTP/1.1\r\nHos",
    "in a body": b"POST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabc",
    "in a chunk": b"POST PATH HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n99\r\nabc",
    "before the response": b"GET PATH HTTP/1.1\r\nHost: x\r\n\r\n",
    "after many requests": b"GET PATH HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
}
LEAVES: dict[str, tuple[str, ...]] = {
    "before the request": ("close",),
    "in the request line": ("reset", "close"),
    "in the head": ("reset",),
    "in a body": ("reset", "close"),
    "in a chunk": ("reset",),
    "before the response": ("reset",),
    "after many requests": ("reset", "close"),
}
"""Where clients leave, and how."""
ROUNDS = 4
"""Fewer than lwIP's usual backlog of 5: a SYN that it drops is repeated after seconds.

All cases together leave more connections than a device has sockets.
"""


@check(
    "http.aborted",
    "RFC 9112, section 9.5",
    Severity.ROBUSTNESS,
    cases={f"{end} {where}": (where, end) for where, ends in LEAVES.items() for end in ends},
    estimate=8,
)
def aborted(subject: Subject, case: tuple[str, str]) -> None:
    """After clients have disconnected in the middle of a request, others are served."""
    where, end = case
    data = BREAKS[where].replace(b"PATH", subject.path.encode("latin-1"))
    data = with_fields(data, subject)
    rounds = 2 if subject.server.tls else ROUNDS  # each takes a handshake
    for _ in range(rounds):
        try:
            stream = subject.endpoint.stream()
        except ClientError:
            continue  # the last one may still have its place
        try:
            stream.send(data)
            if where == "before the response" and end == "reset":
                stream.receive(normal_get(subject)[1] / 2 + 0.05)
        except ClientError:
            pass
        finally:
            stream.reset() if end == "reset" else stream.close()
    expect(
        subject.answers(timeout=PATIENCE) or subject.answers(timeout=PATIENCE),
        f"After {rounds} clients had {'closed' if end == 'close' else end} their connection "
        f"{where}, a GET was not answered within {2 * PATIENCE:g} s.",
    )
