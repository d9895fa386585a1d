# SPDX-License-Identifier: MIT
"""Records after the handshake: empty ones, the largest ones, damaged ones, renegotiation."""

from __future__ import annotations

import ssl

from espbench.check.check import CheckFailed, NotApplicable, Observation, check, expect
from espbench.check.families.tls.parameters import hello_for
from espbench.check.families.tls.support import HANDSHAKE, has_tls12, tls_options
from espbench.check.handshake.client_hello import (
    RENEGOTIATION_TYPE,
    SUITES,
    ClientHello,
    Extension,
    key_share,
    record,
    usual,
)
from espbench.check.handshake.established import Established
from espbench.check.handshake.names import TLS12, TLS13, alert_name
from espbench.check.handshake.server_flight import ServerFlight, read_flight
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import ClientTimeout, ConnectionEnded, TlsSteps
from espbench.clients.errors import ClientError
from espbench.clients.tls import Record, Step, records
from espbench.util.timeouts import Deadline

__all__ = ["is_status", "status_of"]

ALERT, HANDSHAKE_RECORD, DATA = 21, 22, 23
NEW_SESSION_TICKET = b"\4"
LARGEST = 2**14
"""Bytes of the largest record that each side has to take (RFC 5246, section 6.2.1)."""
ANSWER = 15.0
"""Seconds (before scaling) for an answer to a damaged record."""
SMALL = 1024


def _session(subject: Subject) -> Established:
    return Established(subject.endpoint.patient(HANDSHAKE).raw(), HANDSHAKE, subject.tls)


def status_of(session: Established) -> str:
    """Return how a session goes on: the status line that arrives, or how it ends."""
    received = b""
    try:
        while b"\r\n" not in received:
            found = session.receive(HANDSHAKE)
            if found is None:
                return "the end of the connection"
            content_type, data = found
            if content_type == ALERT:
                return f"the alert {alert_name(data[1])}" if len(data) > 1 else "an alert"
            if content_type == DATA:
                received += data
    except ClientTimeout:
        return "no answer"
    return received.split(b"\r\n", 1)[0].decode("latin-1")


def is_status(status: str) -> bool:
    """Return whether a session went on: it is a status line of HTTP."""
    return status.startswith("HTTP/")


@check(
    "tls.empty_records",
    "RFC 5246, section 6.2.1; RFC 8446, section 5.1",
    needs="tls",
    cases={"one": 1, "three in a row": 3},
    estimate=3,
)
def empty_records(subject: Subject, count: int) -> None:
    """It accepts empty records of application data, which hide a message's length."""
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP.")
    with _session(subject) as session:
        try:
            with session.in_one_segment():
                for _ in range(count):
                    session.send(DATA, b"")
                session.send(DATA, subject.request())
            status = status_of(session)
        except ConnectionEnded:
            status = "the end of the connection"
    expect(
        is_status(status),
        f"After {'an empty record' if count == 1 else f'{count} empty records'} and a request, the "
        f"client got {status}: empty records of application data are allowed.",
    )


@check(
    "tls.largest_record", "RFC 5246, section 6.2.1; RFC 8446, section 5.1", needs="tls", estimate=4
)
def largest_record(subject: Subject) -> Observation | None:
    """It accepts a record of 2^14 bytes, the largest that a client may send."""
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP.")
    head = subject.request("POST", {"Content-Length": str(LARGEST)})
    body = b"x" * LARGEST
    whole = (head + body)[:LARGEST]
    rest = (head + body)[LARGEST:]

    def post(size: int) -> str:
        with _session(subject) as session:
            try:
                for at in range(0, LARGEST, size):
                    session.send(DATA, whole[at : at + size])
                session.send(DATA, rest)
            except ConnectionEnded:
                pass  # it may have answered before
            return status_of(session)

    small = post(SMALL)
    if not is_status(small):
        return Observation(f"A POST of 16 kB in records of 1 kB gets {small}.")
    large = post(LARGEST)
    expect(
        is_status(large),
        f"A POST of 16 kB gets {small!r} in records of 1 kB, but {large} in one record of 2^14 "
        "bytes: a server has to accept records of that size.",
    )
    return None


@check("tls.damaged_record", "RFC 5246, section 7.2.2", Severity.SECURITY, needs="tls", estimate=2)
def damaged_record(subject: Subject) -> Observation | None:
    """It ends the connection after a record that was tampered with."""
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP.")
    has_tls12(subject)
    steps = TlsSteps(tls_options(subject, maximum=ssl.TLSVersion.TLSv1_2))
    with subject.endpoint.patient(HANDSHAKE).raw() as stream:
        steps.go(stream, Step.ESTABLISHED)
        sent = bytearray(steps.encrypt(subject.request()))
        sent[-1] ^= 1
        stream.send(bytes(sent))
        received, deadline = b"", Deadline(ANSWER)
        try:
            while data := stream.receive(deadline):
                received += data
        except ClientTimeout:
            kinds = [each.content_type for each in records(received)]
            expect(DATA not in kinds, "It answers a request in a record that was tampered with.")
            raise CheckFailed(
                f"It keeps the connection open for {ANSWER:g} s after a record that was tampered "
                "with: bad_record_mac is fatal.",
                Severity.ROBUSTNESS,
            ) from None
        except ConnectionEnded:
            pass
    kinds = [each.content_type for each in records(received)]
    expect(DATA not in kinds, "It answers a request in a record that was tampered with.")
    if Record.ALERT in kinds:
        return None
    return Observation(
        "It ends the connection after a record that was tampered with, but sends no alert."
    )


@check(
    "tls.damaged_finished", "RFC 5246, section 7.4.9", Severity.SECURITY, needs="tls", estimate=2
)
def damaged_finished(subject: Subject) -> Observation | None:
    """It ends the handshake after a Finished that was tampered with."""
    has_tls12(subject)
    steps = TlsSteps(tls_options(subject, maximum=ssl.TLSVersion.TLSv1_2))
    with subject.endpoint.patient(HANDSHAKE).raw() as stream:
        deadline = Deadline(HANDSHAKE)
        stream.send(steps.hello, deadline)
        answer = b""
        while not answer:
            answer = steps.feed(stream.receive(deadline))
        damaged = bytearray(answer)
        damaged[-1] ^= 1
        stream.send(bytes(damaged), deadline)
        kinds: list[int] = []
        received = b""
        try:
            while data := stream.receive(Deadline(ANSWER)):
                received += data
                kinds = [each.content_type for each in records(received)]
                if Record.CHANGE_CIPHER_SPEC in kinds:
                    raise CheckFailed("It goes on after a Finished that was tampered with.")
        except ClientTimeout:
            raise CheckFailed(
                f"It keeps the connection open for {ANSWER:g} s after a Finished that was tampered "
                "with.",
                Severity.ROBUSTNESS,
            ) from None
        except ConnectionEnded:
            pass
    if Record.ALERT in kinds:
        return None
    return Observation(
        "It ends the handshake after a Finished that was tampered with, but sends no alert."
    )


CHANGE_CIPHER_SPEC = record(b"\1", Record.CHANGE_CIPHER_SPEC, TLS12)
ANY_FINISHED = record(bytes(40), HANDSHAKE_RECORD, TLS12)
POINTS = {
    "a point that is not on secp256r1": (23, b"\x41\x04" + b"\1" * 64),
    "the point of order 1 on x25519": (29, b"\x20" + bytes(32)),
}


def _must_not_be_silent(late: ServerFlight, what: str) -> None:
    """Fail if a server says nothing, not even to a wrong Finished: it took neither."""
    if late.end == "silent":
        raise CheckFailed(
            f"After {what}, it {late.how()}, not even after a wrong Finished: it must end the "
            "handshake at once.",
            Severity.ROBUSTNESS,
        )


@check(
    "tls.invalid_point",
    "RFC 8422, section 5.11",
    Severity.SECURITY,
    needs="tls",
    cases=POINTS,
    estimate=4,
)
def invalid_point(subject: Subject, case: tuple[int, bytes]) -> None:
    """It ends the handshake after an invalid public key from a client."""
    group, point = case
    what = next(name for name, value in POINTS.items() if value is case)
    suites = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA8, 0xCCA9, 0xC023, 0xC027)
    with subject.endpoint.patient(HANDSHAKE).raw() as stream:
        stream.send(hello_for(TLS12, suites, groups=(group,)))
        if not read_flight(stream, Deadline(HANDSHAKE)).complete:
            raise NotApplicable("It does not support this group in TLS 1.2.")
        exchange = b"\x10" + len(point).to_bytes(3, "big") + point
        stream.send(record(exchange, HANDSHAKE_RECORD, TLS12))
        flight = read_flight(stream, Deadline(ANSWER / 2))
        if flight.end != "silent":
            return
        # It may be slow, or wait for the rest: only an alert at the Finished proves that.
        try:
            stream.send(CHANGE_CIPHER_SPEC + ANY_FINISHED)
            late = read_flight(stream, Deadline(ANSWER))
        except ClientError:
            return
    _must_not_be_silent(late, f"{what} as a client's public key")
    raise CheckFailed(
        f"It accepts {what} as a client's public key, and {late.how()} only after the Finished: it "
        "must end the handshake at once."
    )


@check("tls.early_ccs", "RFC 5246, section 7.1", Severity.SECURITY, needs="tls", estimate=3)
def early_ccs(subject: Subject) -> None:
    """It ends the handshake after a ChangeCipherSpec that comes too early."""
    with subject.endpoint.patient(HANDSHAKE).raw() as stream:
        stream.send(hello_for(TLS12, groups=(23,)))
        flight = read_flight(stream, Deadline(HANDSHAKE))
        if not flight.complete:
            raise NotApplicable("It does not support secp256r1 in TLS 1.2.")
        stream.send(CHANGE_CIPHER_SPEC)
        if read_flight(stream, Deadline(ANSWER / 2)).end != "silent":
            return
        point = b"\x41" + key_share(23)
        exchange = b"\x10" + len(point).to_bytes(3, "big") + point
        try:
            stream.send(record(exchange, HANDSHAKE_RECORD, TLS12) + ANY_FINISHED)
            late = read_flight(stream, Deadline(ANSWER))
        except ClientError:
            return
    _must_not_be_silent(late, "a ChangeCipherSpec before the ClientKeyExchange")
    raise CheckFailed(
        "It accepts a ChangeCipherSpec before the ClientKeyExchange, when no keys exist yet "
        f"(CVE-2014-0224), and {late.how()} only after the Finished."
    )


def _answer(session: Established) -> tuple[int, bytes] | None:
    """Return the next record; tickets do not count, which TLS 1.3 sends behind the handshake."""
    try:
        while found := session.receive(ANSWER):
            if found[0] != HANDSHAKE_RECORD or found[1][:1] != NEW_SESSION_TICKET:
                return found
    except ClientTimeout:
        return 0, b""
    return None


@check(
    "tls.renegotiation",
    "RFC 5746, section 3.7; RFC 8446, section 4.1.2",
    Severity.SECURITY,
    needs="tls",
    cases={"without renegotiation_info": False, "with renegotiation_info": True},
    estimate=3,
)
def renegotiation(subject: Subject, secure: bool) -> Observation | None:
    """It refuses a client that starts another handshake within a session."""
    with _session(subject) as session:
        modern = session.version >= TLS13
        verify = session.client_verify_data if secure else b""
        info = Extension(RENEGOTIATION_TYPE, bytes((len(verify),)) + verify)
        more = [info] if secure else []
        hello = ClientHello(extensions=usual(more=more), suites=SUITES)
        session.send(HANDSHAKE_RECORD, hello.message())
        found = _answer(session)
    if found is not None and found[0] == HANDSHAKE_RECORD and found[1][:1] == b"\2":
        if modern:
            raise CheckFailed(
                "It accepts another ClientHello in TLS 1.3, which has no renegotiation."
            )
        expect(
            secure,
            "It accepts renegotiation without renegotiation_info, so an attacker can insert a "
            "request before a client's (CVE-2009-3555).",
        )
        return Observation(
            "It accepts renegotiation whenever a client asks for it, which costs the client little "
            "and the device a signature each time (RFC 9325, section 3.5)."
        )
    return None
