# SPDX-License-Identifier: MIT
"""Recognises certificates and private keys in PEM (RFC 7468), and whether they belong together."""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

__all__ = ["TEXT", "belong_together", "is_certificate", "is_key"]

_BLOCK = (
    rb"-----BEGIN (?P<{0}>(?:[A-Z0-9]+ )*{1})-----\r?\n[^\0-]+?-----END (?P={0})-----(?:\r?\n)?"
)
_CERTIFICATE = _BLOCK.replace(b"{0}", b"c").replace(b"{1}", b"CERTIFICATE")
_KEY = _BLOCK.replace(b"{0}", b"k").replace(b"{1}", b"PRIVATE KEY")
TEXT = re.compile(
    b"(?:"
    + _CERTIFICATE
    + rb"(?:[^\0-]*"
    + _BLOCK.replace(b"{0}", b"n").replace(b"{1}", b"CERTIFICATE")
    + b")*|"
    + _KEY
    + b")"
)
"""Certificates that follow each other, or a private key. Only the labels, without a body, occur in
Mbed TLS itself."""


def is_certificate(text: bytes) -> bool:
    """Return whether text contains a certificate, and no key before it."""
    match = TEXT.search(text)
    return match is not None and match["c"] is not None


def is_key(text: bytes) -> bool:
    """Return whether text contains a private key, and no certificate before it."""
    match = TEXT.search(text)
    return match is not None and match["k"] is not None


def belong_together(certificate: bytes, key: bytes) -> bool:
    """Return whether the public key of the first certificate is that of a private key."""
    block, secret = TEXT.search(certificate), TEXT.search(key)
    if block is None or secret is None:
        return False
    try:
        public = x509.load_pem_x509_certificate(block[0]).public_key()
        private = load_pem_private_key(secret[0], password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return _bytes(public) == _bytes(private.public_key())


def _bytes(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
