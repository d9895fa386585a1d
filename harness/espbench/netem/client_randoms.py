# SPDX-License-Identifier: MIT
"""Finds the TLS connections of a capture, and their secrets in a key log; pure functions.

A line of a key log (SSLKEYLOGFILE format, draft-ietf-tls-keylogfile) is a label, the random of the
ClientHello, and the secret, both in hexadecimal digits. The random is sent in the clear.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

__all__ = ["client_randoms", "secrets_of"]

# A record's header (handshake, any minor version, length), the message's type and length, and
# legacy_version (RFC 8446, sections 4.1.2 and 5.1).
_HELLO = re.compile(rb"\x16\x03[\x00-\x04]..\x01\x00..\x03\x03(.{32})", re.DOTALL)


def client_randoms(capture: bytes) -> set[str]:
    """Return the clients' randoms, in hexadecimal digits, of the ClientHellos in a capture.

    A ClientHello whose first 43 bytes are not in one frame is not found.
    """
    return {found.hex() for found in _HELLO.findall(capture)}


def secrets_of(lines: Iterable[str], randoms: Container[str]) -> list[str]:
    """Return the lines of a key log that are secrets of these connections.

    Args:
        lines: the key log; other lines, such as comments, are left out.
        randoms: what `client_randoms` returned.
    """
    found = []
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[1].lower() in randoms:
            found.append(line.rstrip("\n"))
    return found
