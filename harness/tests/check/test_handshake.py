# SPDX-License-Identifier: MIT
"""ClientHellos by hand, as OpenSSL and tlslite-ng read them, and flights in pieces."""

from __future__ import annotations

import socket

import pytest
from espbench.check.handshake.client_hello import (
    ClientHello,
    browser_hello,
    cut,
    key_share,
    record,
    usual,
)
from espbench.check.handshake.names import TLS12, alert_names, suite_name, version_name
from espbench.check.handshake.server_flight import read_flight
from espbench.clients import Stream
from espbench.util.timeouts import Deadline
from tlslite import messages
from tlslite.utils.codec import Parser


def test_browser_hello() -> None:
    """It has 1.8 kB with a key share of 1216 bytes, and is a valid ClientHello."""
    hello = browser_hello()
    sent = hello.record()
    assert 1800 <= len(sent) <= 1810
    parser = Parser(bytearray(sent[5:]))
    assert parser.get(1) == 1
    parsed = messages.ClientHello().parse(parser)
    shares = parsed.getExtension(51).client_shares
    assert [len(each.key_exchange) for each in shares] == [1216, 32]
    assert parsed.getExtension(43).versions == [(0x2A, 0x2A), (3, 4), (3, 3)]


def test_mlkem_coefficients() -> None:
    """The coefficients of the ML-KEM key are below 3329, as FIPS 203, section 7.2, demands."""
    packed = key_share(4588)[:1152]
    for at in range(0, 1152, 3):
        a, b, c = packed[at : at + 3]
        assert a | (b & 15) << 8 < 3329
        assert b >> 4 | c << 4 < 3329


def test_no_key_share() -> None:
    """There is no key share for a group that is not known."""
    with pytest.raises(ValueError, match="no key share"):
        key_share(24)


def test_cut() -> None:
    """A record is cut into several with the same content, of the same type and version."""
    whole = record(b"0123456789", 22, 0x0303)
    assert cut(whole, 1, 4, 100) == b"".join(
        record(part, 22, 0x0303) for part in (b"0", b"123", b"456789")
    )


SERVER_HELLO = (
    b"\2" + (38 + 2 + 4).to_bytes(3, "big") + b"\3\3" + bytes(32) + b"\0\xc0\x2f\0\0\4\0\x17\0\0"
)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("place", [1, 3, 20])
def test_flight(size: int, place: int) -> None:
    """A flight is read whole, however TCP and the records cut it."""
    sent = cut(record(SERVER_HELLO + b"\x0e\0\0\0"), place)
    here, there = socket.socketpair()
    with here, Stream(there) as stream:
        for at in range(0, len(sent), size):
            here.sendall(sent[at : at + size])
        flight = read_flight(stream, Deadline(5))
    assert (flight.version, flight.suite, flight.complete) == (TLS12, 0xC02F, True)
    assert flight.extensions == {23: b""}
    assert flight.how() == "went on with a ServerHello"


@pytest.mark.parametrize(
    ("sent", "how"),
    [
        (record(b"\2\x28", 21), "sent the alert handshake_failure"),
        (record(b"\1\x70", 21) + record(b"\2\x32", 21), "sent the alert decode_error"),
        (b"", "closed the connection without an alert"),
        (b"HTTP/1.1 400 Bad Request", "sent 24 bytes that are not TLS ('HTTP/1.1 400 Bad')"),
    ],
)
def test_ends(sent: bytes, how: str) -> None:
    """How a server ends a handshake, as a clause; a warning is not the end."""
    here, there = socket.socketpair()
    with Stream(there) as stream, here:
        here.sendall(sent)
        here.shutdown(socket.SHUT_WR)
        flight = read_flight(stream, Deadline(5))
    assert flight.how() == how


def test_silence() -> None:
    """A server that neither answers nor closes differs from one that closes."""
    here, there = socket.socketpair()
    with here, Stream(there) as stream:
        flight = read_flight(stream, Deadline(0.1))
    assert flight.how() == "neither answered nor closed the connection"


def test_names() -> None:
    """Code points have their registered names."""
    assert suite_name(0xC02F) == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
    assert suite_name(0xC010) == "TLS_ECDHE_RSA_WITH_NULL_SHA"
    assert version_name(0x0302) == "TLS 1.1"
    assert version_name(0x0309) == "version 3.9"
    assert alert_names((50, 47)) == "decode_error or illegal_parameter"
    assert ClientHello(extensions=usual()).record()[:3] == b"\x16\3\1"
