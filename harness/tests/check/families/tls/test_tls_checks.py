# SPDX-License-Identifier: MIT
"""The checks of the family tls: a correct server passes each, a wrong one fails the right ones."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from espbench.check.check import CheckFailed, Observation
from espbench.check.families import all_checks
from espbench.check.families.tls import (
    closing,
    errors,
    records,
    sessions,
    slow_clients,
    support,
    works,
)
from espbench.check.families.tls.errors import WRONG, judge
from espbench.check.handshake.server_flight import ServerFlight
from espbench.check.profile import Profile
from espbench.check.subject import Subject
from fake_tls import FakeTls, outcome_of, served_by

DAY = datetime.timedelta(days=1)
TLS = [each.name for each in all_checks() if each.family == "tls"]


@pytest.mark.parametrize("version", ["1.2", "1.3", "both"])
@pytest.mark.parametrize("name", TLS)
def test_a_correct_server(name: str, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL passes each check."""
    monkeypatch.setattr(sessions, "MOST", 6)
    monkeypatch.setattr(sessions, "LOOK", 0.1)
    with FakeTls(version=version).subject() as subject:
        outcome = outcome_of(subject, name)
        assert not outcome or outcome[0] in "[{", outcome


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Return a profile with a client's self-signed certificate and its key."""
    folder = tmp_path_factory.mktemp("client")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a client")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - DAY).not_valid_after(now + DAY)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (folder / "client.pem").write_bytes(made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    (folder / "client.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return Profile(client_certificate=folder / "client.pem", client_key=folder / "client.key")


BY_HAND = (
    *("tls.empty_records", "tls.largest_record", "tls.damaged_record", "tls.renegotiation"),
    *("tls.slow_client", "tls.abandoned", "tls.close_notify", "tls.handshake"),
)
"""Checks whose handshakes are done step by step, or by tlslite-ng."""


@pytest.mark.parametrize("asks", [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("name", BY_HAND)
def test_a_client_certificate(
    name: str, version: str, asks: ssl.VerifyMode, client: Profile
) -> None:
    """A server that asks for a certificate gets that of the profile, or an empty one."""
    server = FakeTls(version=version, asks=asks, clients=client.client_certificate)
    with server.subject(profile=client if asks is ssl.CERT_REQUIRED else None) as subject:
        outcome = outcome_of(subject, name)
        assert not outcome or outcome[0] in "[{", outcome


ASKS = [
    (ssl.CERT_NONE, False, ""),
    (ssl.CERT_OPTIONAL, False, "[It asks clients for a certificate, and also serves those"),
    (ssl.CERT_REQUIRED, False, "serves none without one: name one in the profile ([client]"),
    (ssl.CERT_REQUIRED, True, "serves none without one.]"),
]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize(("asks", "named", "sentence"), ASKS)
def test_asks_for_a_certificate(
    asks: ssl.VerifyMode, named: bool, sentence: str, version: str, client: Profile
) -> None:
    """That a server asks for a certificate is observed, and what it does without one."""
    server = FakeTls(version=version, asks=asks, clients=client.client_certificate)
    with server.subject(profile=client if named else None) as subject:
        outcome = outcome_of(subject, "tls.client_certificate")
    assert sentence in outcome
    assert bool(sentence) == bool(outcome)


FAULTS = [
    ("tls.old_versions:TLS 1.1", "old versions", "It negotiates TLS 1.1"),
    ("tls.old_versions:TLS 1.0", "old versions", "which RFC 8996 forbids"),
    ("tls.weak_suites:NULL", "null suites", "without encryption"),
    ("tls.slow_client:nothing sent", "one task", "While one client waits in its handshake"),
    ("tls.slow_client:half a ClientHello", "one task", "While one client waits in its handshake"),
    ("tls.slow_client:half a Finished", "one task", "no other client was served within"),
    ("tls.trickle", "one task", "While one client sends a byte of its ClientHello"),
    ("tls.silent_clients", "one task, no timeout", "no other client was served for"),
    ("tls.handshake_timeout", "no timeout", "[It still waits for a client"),
    ("tls.abandoned:half of the ClientHello sent", "dies", "was not served within"),
    ("tls.fragments:one byte in each TCP segment", "whole headers", "has to reassemble"),
    (
        "tls.fragments:a ClientHello in two records, cut at byte 100",
        "no fragments",
        "a ClientHello in two records, cut at byte 100: it",
    ),
    ("tls.large_hello:a whole handshake", "no large hello", "with a ClientHello of 1.8 kB"),
    (
        "tls.large_hello:of a browser with a post-quantum key share",
        "no large hello",
        "after a browser's ClientHello of 180",
    ),
    ("tls.alerts:garbage", "waits after garbage", "neither answered nor closed the connection"),
    ("tls.alerts:plain HTTP", "waits after garbage", "it has to end the connection"),
    ("tls.alerts:ClientHello cut short", "dies", "the next client was not served"),
    ("tls.sessions", "places are lost", "no other could take its place"),
    ("tls.sessions", "full", "[It serves 4 sessions at once; one more failed after"),
    ("tls.sessions", "purges the oldest", "connects, it ends the oldest session without"),
    (
        "tls.newcomer",
        "purges the newest",
        "session of a client that has not sent its first request yet",
    ),
    ("tls.busy_sessions", "places are lost", "nobody was served"),
    ("tls.busy_sessions", "ends after each response", ""),
    ("tls.burst", "no handshake", "were not served within"),
    ("tls.close_notify", "no close_notify", "without sending its own, which it must"),
    ("tls.close_notify", "keeps open", "had not closed the connection"),
    ("tls.server_closes", "ends without close_notify", "it closes the connection without"),
    ("tls.largest_record", "no large records", "but the end of the connection in one record"),
    ("tls.renegotiation", "renegotiates", "[It accepts renegotiation whenever"),
    ("tls.renegotiation", "renegotiates unsafely", "so an attacker can insert a request before"),
    ("tls.truncated", "dies at the end", "a client had ended its session with a FIN"),
    ("tls.handshake", "no handshake", "fails although the console says 'https started'"),
    ("tls.serves", "silent", "no TLS handshake works there although the console says"),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("name", "fault", "sentence"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_wrong_server(
    name: str, fault: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with a fault fails the check that is meant for it."""
    for module, wait, seconds in (
        (slow_clients, "HELD", 4.0),
        (slow_clients, "BACK", 2.0),
        (sessions, "AGAIN", 2.0),
        (sessions, "BURST_LIMIT", 2.0),
        (errors, "WAIT", 2.0),
        (closing, "ANSWER", 2.0),
        (records, "ANSWER", 2.0),
        (support, "QUICK", 1.0),
        (sessions, "QUICK", 1.0),
        (works, "HANDSHAKE", 2.0),
    ):
        monkeypatch.setattr(module, wait, seconds)
    http = fault != "silent"
    with FakeTls(fault, version="1.2").subject(http=http, handshakes=http) as subject:
        said = outcome_of(subject, name)
    assert sentence in said
    assert bool(sentence) == bool(said)


RECIPES = [
    ("tls.certificate_validity", "expired", "expired on 2020"),
    ("tls.certificate_validity", "not-yet-valid", "is not valid before 2090"),
    ("tls.certificate_chain", "self-signed", "[Its certificate is self-signed"),
    ("tls.certificate_name", "openssl-line", "has no subjectAltName"),
    ("tls.certificate_name", "p256", "[Its certificate is valid for espbench.test"),
    ("tls.certificate_key", "rsa2048", "[Its certificate has a key of 2048 bits (RSA).]"),
]


@pytest.mark.parametrize(("name", "recipe", "sentence"), RECIPES)
def test_certificates(name: str, recipe: str, sentence: str) -> None:
    """What is wrong with a certificate is found."""
    with FakeTls(recipe=recipe).subject() as subject:
        assert sentence in outcome_of(subject, name)


JUDGED = [
    ("no common cipher suite", {"alert": (2, 40)}, False, ""),
    ("no common cipher suite", {"end": "closed"}, False, "it must send the alert handshake_fail"),
    ("no common cipher suite", {"end": "silent"}, False, "has to end the connection"),
    ("unknown record type", {"end": "reset"}, False, "unexpected_message (RFC 5246, section 6)"),
    ("unknown record type", {"end": "closed"}, True, "unexpected_message (RFC 8446, section 5)"),
    ("record too long", {"end": "closed"}, False, "[It closed the connection without an alert"),
    ("record too long", {"end": "closed"}, True, "it must send the alert record_overflow"),
    ("record too long", {"alert": (2, 80)}, True, "[It sent the alert internal_error"),
    ("garbage", {"version": 0x0303}, False, "It went on with a ServerHello after 300 bytes"),
    ("an extension twice", {"version": 0x0303}, False, "[It went on with a ServerHello"),
    ("plain HTTP", {"other": b"HTTP/1.1 400"}, False, "[It sent 12 bytes that are not TLS"),
    ("empty handshake record", {"end": "silent"}, False, ""),
]


@pytest.mark.parametrize(("case", "answer", "modern", "sentence"), JUDGED)
def test_judge(case: str, answer: dict[str, Any], modern: bool, sentence: str) -> None:
    """An alert that a MUST demands is missed, others are observed, and silence is a failure."""
    try:
        got = judge(WRONG[case], ServerFlight(**answer), modern=modern)
    except CheckFailed as error:
        said = str(error)
    else:
        said = f"[{got.sentence}]" if isinstance(got, Observation) else ""
    assert sentence in said if sentence else not said


def _repairing(flight: int) -> Callable[[socket.socket], None]:
    """Return a server that does not notice that a client's flight was changed in its last byte."""

    def serve(connection: socket.socket) -> None:
        with FakeTls(version="1.2").subject() as behind:
            port = behind.device.port(443)
            server = socket.create_connection(("127.0.0.1", port))

            def back() -> None:
                with contextlib.suppress(OSError):
                    while data := server.recv(65536):
                        connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)

            threading.Thread(target=back, daemon=True).start()
            number = 0
            with server:
                while data := connection.recv(65536):
                    number += 1
                    last = bytes((data[-1] ^ 1,)) if number == flight else data[-1:]
                    server.sendall(data[:-1] + last)

    return serve


@pytest.mark.parametrize(
    ("name", "flight", "sentence"),
    [
        ("tls.damaged_finished", 2, "It goes on after a Finished that was tampered with."),
        ("tls.damaged_record", 3, "It answers a request in a record that was tampered with."),
    ],
)
def test_damage_unnoticed(
    name: str, flight: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not check what it receives fails."""
    monkeypatch.setattr(records, "ANSWER", 2.0)
    # The first connection is for the question whether the server takes TLS 1.2.
    with served_by(_repairing(flight)) as subject:
        monkeypatch.setattr(records, "has_tls12", lambda _: None)
        assert outcome_of(subject, name) == sentence


SERVER_FLIGHT = b"\x16\3\3\0\x2e\2\0\0\x26\3\3" + bytes(32) + b"\0\xc0\x2f\0" + b"\x0e\0\0\0"


@pytest.mark.parametrize(
    "name", ["tls.invalid_point:a point that is not on secp256r1", "tls.early_ccs"]
)
@pytest.mark.parametrize(
    ("late", "sentence"),
    [(True, "and sent the alert bad_record_mac only after the Finished"), (False, "")],
)
def test_late_alert(name: str, late: bool, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that complains about the Finished alone has taken what came before."""
    monkeypatch.setattr(records, "ANSWER", 2.0)

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(SERVER_FLIGHT)
        connection.recv(4096)
        if late:
            connection.recv(4096)
        connection.sendall(b"\x15\3\3\0\2\2\x14")

    with served_by(serve) as subject:
        outcome = outcome_of(subject, name)
        assert sentence in outcome if sentence else not outcome


@pytest.mark.parametrize(
    "name", ["tls.invalid_point:a point that is not on secp256r1", "tls.early_ccs"]
)
def test_silence_is_no_proof(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that hangs at what is wrong does not end the handshake, but did not take it."""
    monkeypatch.setattr(records, "ANSWER", 1.0)

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(SERVER_FLIGHT)
        while connection.recv(4096):
            pass

    with served_by(serve) as subject:
        outcome = outcome_of(subject, name)
    assert "it neither answered nor closed the connection, not even after a wrong" in outcome
    assert "takes" not in outcome


def test_patience_with_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow a server is on a quiet device, a check that asks all servers comes to an end."""
    clock = [0.0]
    monkeypatch.setattr(support, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    asked: list[float] = []

    def answers(_server: object = None, timeout: float = 0.0) -> bool:
        asked.append(timeout)
        clock[0] += 25.0
        return len(asked) == 1

    subject = cast("Subject", SimpleNamespace(answers=answers, device=None))
    assert support.patience(subject) == support.LONGEST
    with monkeypatch.context() as patch:
        patch.setattr(support, "Deadline", lambda _seconds: _Expiring(3.0))
        assert not support.served(subject, 20.0)
    assert asked[1:] == [3.0], "a client has no longer than is left of the time"


class _Expiring:
    """A deadline that has expired once somebody asks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def remaining(self) -> float:
        return self._seconds

    def expired(self) -> bool:
        return True
