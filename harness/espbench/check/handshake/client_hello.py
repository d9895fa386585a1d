# SPDX-License-Identifier: MIT
"""`ClientHello`: builds one with any content, right or wrong (RFC 5246 7.4.1.2, RFC 8446 4.1.2)."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from espbench.check.handshake.names import TLS12, TLS13

__all__ = [
    "GROUPS",
    "SIGNATURES",
    "SUITES",
    "SUITES13",
    "ClientHello",
    "Extension",
    "browser_hello",
    "cut",
    "key_share",
    "record",
    "usual",
]

HANDSHAKE, CLIENT_HELLO = 22, 1
SERVER_NAME_TYPE, GROUPS_TYPE, FORMATS_TYPE, SIGNATURES_TYPE, ALPN_TYPE = 0, 10, 11, 13, 16
PADDING_TYPE, MASTER_SECRET_TYPE, TICKET_TYPE, VERSIONS_TYPE = 21, 23, 35, 43
MODES_TYPE, KEY_SHARE_TYPE, RENEGOTIATION_TYPE = 45, 51, 0xFF01

SUITES13 = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
_ECDHE = (0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC0AC, 0xC0AD, 0xC0AE, 0xC0AF)
_ECDHE_CBC = (0xC023, 0xC027, 0xC024, 0xC028, 0xC009, 0xC013, 0xC00A, 0xC014)
_CAMELLIA_ARIA = (0xC072, 0xC073, 0xC076, 0xC077, 0xC086, 0xC087, 0xC08A, 0xC08B)
_ARIA = (0xC048, 0xC049, 0xC04C, 0xC04D, 0xC05C, 0xC05D, 0xC060, 0xC061)
_DHE = (0x009E, 0x009F, 0xCCAA, 0xC09E, 0xC09F, 0x0067, 0x006B, 0x0033, 0x0039)
_RSA = (0x009C, 0x009D, 0xC09C, 0xC09D, 0xC0A0, 0xC0A1, 0x003C, 0x003D, 0x002F, 0x0035)
_ECDH = (0xC02D, 0xC02E, 0xC031, 0xC032, 0xC004, 0xC005, 0xC00E, 0xC00F)
SUITES = (*_ECDHE, *_ECDHE_CBC, *_CAMELLIA_ARIA, *_ARIA, *_DHE, *_RSA, *_ECDH)
"""Suites of TLS 1.2 that are not broken, the better ones first."""
SCSV = 0x00FF
"""TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746, section 3.3)."""
GROUPS = (29, 23, 24, 25)
SIGNATURES = (0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601)
_GREASE = 0x2A2A
"""A value that no server knows (RFC 8701)."""


class Extension(NamedTuple):
    """An extension: its type, and its content without the length before it."""

    type: int
    data: bytes


def _short(data: bytes) -> bytes:
    return struct.pack("!B", len(data)) + data


def _long(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _numbers(values: Iterable[int]) -> bytes:
    return b"".join(struct.pack("!H", value) for value in values)


def record(content: bytes, content_type: int = HANDSHAKE, version: int = 0x0301) -> bytes:
    """Return a TLS record (RFC 5246, section 6.2.1), whatever its length."""
    return struct.pack("!BHH", content_type, version, len(content)) + content


def cut(record_bytes: bytes, *places: int) -> bytes:
    """Return a record's content in several records, cut at these bytes of it."""
    content = record_bytes[5:]
    content_type, version = struct.unpack("!BH", record_bytes[:3])
    edges = [0, *(place for place in places if place < len(content)), len(content)]
    parts = [content[a:b] for a, b in itertools.pairwise(edges)]
    return b"".join(record(part, content_type, version) for part in parts)


def key_share(group: int) -> bytes:
    """Return a key share of a group: a valid public key of a client (RFC 8446, section 4.2.8)."""
    if group == 29:
        raw = x25519.X25519PrivateKey.generate().public_key()
        return raw.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if group == 23:
        point = ec.generate_private_key(ec.SECP256R1()).public_key()
        return point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if group == 4588:
        # 768 coefficients below 3329, of 12 bits, and the seed (FIPS 203), then x25519's key
        return _mlkem768() + key_share(29)
    raise ValueError(f"no key share for group {group}")


def _mlkem768() -> bytes:
    packed = bytearray()
    for first, second in struct.iter_unpack("!HH", os.urandom(4 * 384)):
        a, b = first % 3329, second % 3329
        packed += bytes((a & 255, (a >> 8) | ((b & 15) << 4), b >> 4))
    return bytes(packed) + os.urandom(32)


@dataclass(frozen=True)
class ClientHello:
    """The fields of a ClientHello.

    Attributes:
        version: client_version, or legacy_version.
        suites: cipher suites.
        extensions: extensions, in order.
        session: session_id.
        compressions: compression methods.
        random: 32 bytes.
    """

    version: int = TLS12
    suites: Sequence[int] = (*SUITES, SCSV)
    extensions: Sequence[Extension] = ()
    session: bytes = b""
    compressions: bytes = b"\0"
    random: bytes = field(default_factory=lambda: os.urandom(32))

    def body(self) -> bytes:
        """Return the message without its header."""
        extensions = b"".join(
            struct.pack("!H", each.type) + _long(each.data) for each in self.extensions
        )
        return (
            struct.pack("!H", self.version)
            + self.random
            + _short(self.session)
            + _long(_numbers(self.suites))
            + _short(self.compressions)
            + (_long(extensions) if self.extensions else b"")
        )

    def message(self) -> bytes:
        """Return the handshake message."""
        body = self.body()
        return struct.pack("!B", CLIENT_HELLO) + len(body).to_bytes(3, "big") + body

    def record(self) -> bytes:
        """Return it in one record."""
        return record(self.message(), version=min(self.version, 0x0301))


def usual(
    groups: Sequence[int] = GROUPS,
    signatures: Sequence[int] = SIGNATURES,
    versions: Sequence[int] = (),
    shares: Sequence[int] = (29, 23),
    more: Sequence[Extension] = (),
) -> list[Extension]:
    """Return the extensions that clients usually send; with `versions`, also those of TLS 1.3."""
    name = b"espbench.test"
    found = [
        Extension(SERVER_NAME_TYPE, _long(b"\0" + _long(name))),
        Extension(GROUPS_TYPE, _long(_numbers(groups))),
        Extension(FORMATS_TYPE, _short(b"\0")),
        Extension(SIGNATURES_TYPE, _long(_numbers(signatures))),
        Extension(MASTER_SECRET_TYPE, b""),
    ]
    if versions:
        keys = b"".join(struct.pack("!H", each) + _long(key_share(each)) for each in shares)
        found += [
            Extension(VERSIONS_TYPE, _short(_numbers(versions))),
            Extension(MODES_TYPE, _short(b"\1")),
            Extension(KEY_SHARE_TYPE, _long(keys)),
        ]
    return [*found, *more]


def browser_hello() -> ClientHello:
    """Return a ClientHello of 1.8 kB, as browsers with a post-quantum key share send it.

    It has GREASE values (RFC 8701), TLS 1.3 and 1.2, and a key share of X25519MLKEM768.
    """
    extensions = [
        Extension(_GREASE, b""),
        *usual((_GREASE, 4588, 29, 23, 24), versions=(_GREASE, TLS13, TLS12), shares=(4588, 29)),
        Extension(TICKET_TYPE, b""),
        Extension(RENEGOTIATION_TYPE, b"\0"),
        Extension(ALPN_TYPE, _long(_short(b"h2") + _short(b"http/1.1"))),
        Extension(5, b"\1\0\0\0\0"),  # status_request
        Extension(18, b""),  # signed_certificate_timestamp
        Extension(27, b"\2\0\2"),  # compress_certificate
    ]
    suites = (_GREASE, *SUITES13[:3], *_ECDHE[:6], 0xC013, 0xC014, 0x009C, 0x009D, 0x2F, 0x35)
    hello = ClientHello(suites=suites, extensions=extensions, session=os.urandom(32))
    missing = 1800 - len(hello.message()) - 4
    padded = [*extensions, Extension(PADDING_TYPE, bytes(max(0, missing)))]
    return ClientHello(suites=suites, extensions=padded, session=os.urandom(32))
