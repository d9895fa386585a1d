# SPDX-License-Identifier: MIT
"""Handshakes whose bytes come in unusual pieces: small segments, small records, a large hello."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from espbench.check.check import CheckFailed, NotApplicable, check, expect
from espbench.check.families.tls.parameters import takes
from espbench.check.families.tls.support import HANDSHAKE, reason, speak, tls_options
from espbench.check.handshake.client_hello import browser_hello, cut
from espbench.check.handshake.names import TLS12, TLS13
from espbench.check.handshake.server_flight import ask
from espbench.check.result import Severity
from espbench.check.segments import stands_apart
from espbench.check.subject import Subject
from espbench.clients import Stream, Tls
from espbench.clients.errors import ClientError
from espbench.clients.tcp import Timeout
from espbench.clients.tls import Record, TlsStream, records

PACE = 0.002
"""Seconds between segments, so that slirp does not put them together."""
ONE_BYTE = "one byte in each TCP segment"


class Reshaped(Stream):
    """A connection that sends the bytes of a handshake in other pieces."""

    shape: Callable[[bytes], Iterable[bytes]]

    @classmethod
    def of(cls, stream: Stream, shape: Callable[[bytes], Iterable[bytes]]) -> Reshaped:
        """Take over a connection."""
        made = cls(stream.sock, stream.timeout, stream.peer)
        made.shape = shape
        return made

    def send(self, data: bytes, timeout: Timeout = None) -> None:
        """Send all of the data in pieces."""
        deadline = self.deadline(timeout)
        pieces = list(self.shape(data))
        for number, piece in enumerate(pieces):
            if number and stands_apart(number, len(pieces)):
                threading.Event().wait(PACE)
            super().send(piece, deadline)


def _bytes(data: bytes) -> Iterable[bytes]:
    """Return single bytes: a handshake's, and those of a request's beginning."""
    return [data[place : place + 1] for place in range(len(data))]


def _cut_at(kind: int, *places: int) -> Callable[[bytes], Iterable[bytes]]:
    """Return a shape that cuts the records of one unencrypted handshake message."""

    def shape(data: bytes) -> Iterable[bytes]:
        made, plain = b"", True
        found = list(records(data))
        for each in found:
            plain = plain and each.content_type != Record.CHANGE_CIPHER_SPEC
            whole = plain and each.content_type == Record.HANDSHAKE and each.raw[5] == kind
            made += cut(each.raw, *places) if whole else each.raw
        yield made + data[sum(len(each.raw) for each in found) :]

    return shape


def _each_byte(data: bytes) -> Iterable[bytes]:
    """Cut the ClientHello into records of one byte."""
    found = list(records(data))
    if found and found[0].content_type == Record.HANDSHAKE and found[0].raw[5] == 1:
        first = found[0].raw
        yield cut(first, *range(1, len(first))) + data[len(first) :]
    else:
        yield data


SHAPES: dict[str, Callable[[bytes], Iterable[bytes]]] = {
    ONE_BYTE: _bytes,
    "a ClientHello in two records, cut at byte 1": _cut_at(1, 1),
    "a ClientHello in two records, cut at byte 4": _cut_at(1, 4),
    "a ClientHello in two records, cut at byte 100": _cut_at(1, 100),
    "a ClientHello in records of one byte": _each_byte,
    "a ClientKeyExchange in two records, cut at byte 4": _cut_at(16, 4),
}


@check(
    "tls.fragments",
    "RFC 5246, section 6.2.1; RFC 8446, section 5.1",
    needs="tls",
    cases=SHAPES,
    estimate=6,
)
def fragments(subject: Subject, shape: Callable[[bytes], Iterable[bytes]]) -> None:
    """It accepts a handshake whose messages arrive in several segments or records."""
    name = next(name for name, value in SHAPES.items() if value is shape)
    maximum = None
    if "ClientKeyExchange" in name:
        if not takes(subject, TLS12):
            raise NotApplicable("It does not support TLS 1.2, so there is no ClientKeyExchange.")
        maximum = ssl.TLSVersion.TLSv1_2
    with subject.endpoint.patient(HANDSHAKE).tls_stream():
        pass  # if this fails, so does everything
    raw = Reshaped.of(subject.endpoint.patient(HANDSHAKE).raw(), shape)
    with raw:
        try:
            with TlsStream(raw, tls_options(subject, maximum=maximum)) as stream:
                speak(stream, subject)
        except ClientError as error:
            raise CheckFailed(
                f"It did not serve a client that sent {name}: {reason(error)} A server has to "
                "reassemble the pieces."
            ) from None


@dataclass(frozen=True)
class LargeHello(Tls):
    """Options of a client whose ClientHello has 1.8 kB, by a long list of protocols (ALPN)."""

    def context(self) -> ssl.SSLContext:
        """Return a context with these options."""
        context = super().context()
        context.set_alpn_protocols(["http/1.1", *(f"espbench-{n:03}/1.0" for n in range(90))])
        return context


@check(
    "tls.large_hello",
    "RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.4",
    needs="tls",
    cases={"of a browser with a post-quantum key share": 1, "a whole handshake": 2},
    estimate=3,
)
def large_hello(subject: Subject, case: int) -> None:
    """It accepts a ClientHello of 1.8 kB, as browsers with a post-quantum key share send."""
    if case == 1:
        sent = browser_hello().record()
        flight = ask(subject.endpoint, sent)
        expect(
            flight.accepted and flight.version in (TLS12, TLS13),
            f"It {flight.how()} after a browser's ClientHello of {len(sent)} bytes with a key "
            "share of X25519MLKEM768: it has to ignore what it does not know.",
        )
        return
    options = LargeHello(**vars(subject.tls))
    with subject.endpoint.patient(HANDSHAKE).raw() as raw:
        try:
            with TlsStream(raw, options) as stream:
                speak(stream, subject)
        except ClientError as error:
            raise CheckFailed(
                f"It did not serve a client with a ClientHello of 1.8 kB: {reason(error)}"
            ) from None


@check(
    "tls.small_records", "RFC 5246, section 6.2.1", Severity.CONFORMANCE, needs="tls", estimate=3
)
def small_records(subject: Subject) -> None:
    """It accepts a request in records of one byte."""
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP.")
    stream = subject.endpoint.patient(HANDSHAKE).tls_stream()
    with stream:
        for byte in subject.request():
            stream.send(bytes((byte,)))
        subject.connection(stream, HANDSHAKE).receive()
