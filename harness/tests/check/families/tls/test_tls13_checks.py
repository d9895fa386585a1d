# SPDX-License-Identifier: MIT
"""The checks of TLS 1.3: servers that answer a ClientHello wrongly, or refuse a KeyUpdate."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable

import pytest
from espbench.check.families.tls import tls13
from espbench.check.handshake.client_hello import record
from espbench.check.handshake.established import Established
from espbench.check.handshake.names import TLS12
from espbench.check.handshake.server_flight import RETRY
from fake_tls import FakeTls, outcome_of, served_by

ALERT, HANDSHAKE = 21, 22
X25519, X448 = 29, 30
KEY_SHARE, VERSIONS = 51, 43
SESSION = b"\x5a" * 32
"""What the checks send as legacy_session_id."""
HANDSHAKE_FAILURE = record(b"\2\x28", ALERT, TLS12)


def server_hello(random: bytes, share: bytes, session: bytes = SESSION) -> bytes:
    """Return a ServerHello of TLS 1.3 in a record (RFC 8446, section 4.1.3)."""
    extensions = struct.pack("!HHH", VERSIONS, 2, 0x0304)
    extensions += struct.pack("!HH", KEY_SHARE, len(share)) + share
    body = b"\3\3" + random + bytes((len(session),)) + session + b"\x13\1\0"
    body += struct.pack("!H", len(extensions)) + extensions
    return record(b"\2" + len(body).to_bytes(3, "big") + body, HANDSHAKE, TLS12)


def retry(group: int, session: bytes = SESSION) -> bytes:
    """Return a HelloRetryRequest."""
    return server_hello(RETRY, struct.pack("!H", group), session)


ANSWER = server_hello(bytes(32), struct.pack("!HH", X25519, 32) + bytes(32))
OLD = record(b"\2\0\0\x26\3\3" + bytes(33) + b"\xc0\x2b\0", HANDSHAKE, TLS12)
"""A ServerHello of TLS 1.2."""
WRONG = [
    ("tls.retry", HANDSHAKE_FAILURE, "It sent the alert handshake_failure after a ClientHello"),
    ("tls.retry", ANSWER, "It went on with a ServerHello after a ClientHello without a key share"),
    ("tls.retry", retry(X448), "asks for x448, which the client did not offer"),
    ("tls.retry", retry(X25519), "It asks for a key share, but then does not go on with it"),
    ("tls.session_id", retry(X25519, b""), "Its ServerHello of TLS 1.3 does not repeat"),
    ("tls.missing_extension:no key_share", HANDSHAKE_FAILURE, "without the extension key_share"),
    ("tls.missing_extension:no supported_groups", ANSWER, "must send the alert missing_extension"),
]


def answering(answer: bytes) -> Callable[[socket.socket], None]:
    """Return a server that answers each ClientHello alike, once, and then closes."""

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(answer)

    return serve


@pytest.mark.parametrize(("name", "answer", "sentence"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_answer(
    name: str, answer: bytes, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers a ClientHello wrongly fails the check that is meant for it."""
    monkeypatch.setattr(tls13, "takes", lambda _subject, _version: True)
    with served_by(answering(answer)) as subject:
        assert sentence in outcome_of(subject, name)


def test_a_key_update_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes a KeyUpdate for an unknown message fails the check."""
    unknown = b"\x63\0\0\1\0"
    monkeypatch.setattr(Established, "update_key", lambda session: session.send(HANDSHAKE, unknown))
    with FakeTls(version="1.3").subject() as subject:
        said = outcome_of(subject, "tls.key_update")
    assert "After a KeyUpdate, a request gets the alert" in said


def test_no_close_notify() -> None:
    """TLS 1.3 demands one, too, before a server closes (RFC 8446, section 6.1)."""
    with FakeTls("no close_notify", version="1.3").subject() as subject:
        said = outcome_of(subject, "tls.close_notify")
        with subject.endpoint.tls_stream() as stream:
            stream.finish()
            while stream.receive(5):
                pass
            assert stream.ended_cleanly is False
            assert stream.version == "TLSv1.3"
    assert "the server closed the connection without sending its own" in said


def test_another_hello_behind_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tickets, which come first, do not hide that a server answers another ClientHello."""
    answers = iter([(HANDSHAKE, b"\4\0\0\0"), (HANDSHAKE, b"\4\0\0\0"), (HANDSHAKE, b"\2\0\0\0")])
    monkeypatch.setattr(Established, "receive", lambda _session, _timeout: next(answers))
    with FakeTls(version="1.3").subject() as subject:
        said = outcome_of(subject, "tls.renegotiation:without renegotiation_info")
    assert "It accepts another ClientHello in TLS 1.3" in said


def test_an_unknown_extension_refused() -> None:
    """Of two versions, each has to ignore unknown values: TLS 1.2 does here, TLS 1.3 does not."""
    seen = []

    def serve(connection: socket.socket) -> None:
        hello = connection.recv(65536)
        modern = struct.pack("!HHBH", VERSIONS, 3, 2, 0x0304) in hello
        seen.append(modern)
        unknown = b"what is it?" in hello
        connection.sendall(HANDSHAKE_FAILURE if modern and unknown else ANSWER if modern else OLD)

    with served_by(serve) as subject:
        said = outcome_of(subject, "tls.unknown_values:extensions")
    assert "after a ClientHello of TLS 1.3 with two unknown values" in said
    assert True in seen
    assert False in seen
