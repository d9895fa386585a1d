# SPDX-License-Identifier: MIT
"""Certificates of test authorities and servers, byte-identical in every run.

Validity is fixed, because the device's image is cached by its content; serial numbers
are derived from the contents and ECDSA signatures are deterministic (RFC 6979). The
device has no clock, so only clients notice an expired or not yet valid certificate.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from espbench.certs.keys import PrivateKey, private_key

__all__ = [
    "NOW",
    "SERVER_NAME",
    "SERVER_NAMES",
    "Issued",
    "Validity",
    "authority",
    "chain",
    "pem",
    "server",
]

SERVER_NAME = "espbench.test"
"""The name on every good server certificate (RFC 2606 reserves ``.test``)."""
SERVER_NAMES = (SERVER_NAME, "localhost", "127.0.0.1")
"""All names and addresses on every good server certificate."""


@dataclass(frozen=True)
class Validity:
    """Validity of a certificate, from 1 January of one year to 1 January of another (UTC)."""

    first_year: int
    end_year: int

    def bounds(self) -> tuple[datetime.datetime, datetime.datetime]:
        """Return not_before and not_after."""
        start = datetime.datetime(self.first_year, 1, 1, tzinfo=datetime.UTC)
        return start, datetime.datetime(self.end_year, 1, 1, tzinfo=datetime.UTC)


NOW = Validity(2020, 2049)


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    cert: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as PEM (RFC 7468)."""
        return self.cert.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.cert.public_bytes(serialization.Encoding.DER)


def authority(kind: str = "p256", role: str = "root", issuer: Issued | None = None) -> Issued:
    """Return a certificate authority: a root, or an intermediate signed by `issuer`."""
    key = private_key(kind, role)
    return _issue(f"espbench {role} ({kind})", key, issuer, NOW, names=(), is_authority=True)


def server(
    kind: str = "p256",
    issuer: Issued | None = None,
    *,
    names: Sequence[str] = SERVER_NAMES,
    validity: Validity = NOW,
    common_name: str = "ESP32 Device",
    key: PrivateKey | None = None,
) -> Issued:
    """Return a server's certificate, signed by `issuer` or self-signed.

    `names` are host names and IP addresses for subjectAltName, the only field that
    clients check (RFC 6125).
    """
    key = key or private_key(kind, "server")
    return _issue(common_name, key, issuer, validity, names, is_authority=issuer is None)


def chain(kind: str, length: int, **server_options: Validity | Sequence[str]) -> list[Issued]:
    """Return a chain of this many certificates: server, intermediates, root.

    The root is for clients. A server sends the others: RFC 8446 section 4.4.2 lets it
    omit the root, and a device has no memory to waste.
    """
    links = [authority(kind, "root")]
    for depth in range(1, length):
        links.append(authority(kind, f"intermediate-{depth}", links[-1]))
    links.append(server(kind, links[-1], **server_options))  # type: ignore[arg-type]
    return links[::-1]


def pem(certificates: Sequence[Issued]) -> bytes:
    """Return the certificates concatenated, as in a server's certificate file."""
    return b"".join(issued.pem for issued in certificates)


def _issue(
    common_name: str,
    key: PrivateKey,
    issuer: Issued | None,
    validity: Validity,
    names: Sequence[str],
    is_authority: bool,
) -> Issued:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signer = issuer.key if issuer else key
    if isinstance(signer, x25519.X25519PrivateKey):
        raise ValueError("An X25519 key cannot sign a certificate: let another key issue it.")
    issuer_name = issuer.cert.subject if issuer else subject
    public = key.public_key()
    not_before, not_after = validity.bounds()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(public)
        .serial_number(_serial(common_name, key, signer, validity, names))
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority, isinstance(key, rsa.RSAPrivateKey)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if issuer:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False)
    if names:
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(alternatives, critical=False)
        builder = builder.add_extension(usage, critical=False)
    if isinstance(signer, ed25519.Ed25519PrivateKey):
        return Issued(builder.sign(signer, None), key)
    if isinstance(signer, ec.EllipticCurvePrivateKey):
        cert = builder.sign(signer, _digest(signer), ecdsa_deterministic=True)
        return Issued(cert, key)
    return Issued(builder.sign(signer, hashes.SHA256()), key)


def _key_usage(is_authority: bool, is_rsa: bool) -> x509.KeyUsage:
    """Return the key usage that RFC 5280 section 4.2.1.3 asks for and strict clients check."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=is_rsa,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _digest(key: ec.EllipticCurvePrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Return the digest that matches the curve's size (RFC 5480 section 4)."""
    if key.key_size <= 256:
        return hashes.SHA256()
    return hashes.SHA384() if key.key_size <= 384 else hashes.SHA512()


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _serial(
    common_name: str,
    key: PrivateKey,
    signer: PrivateKey,
    validity: Validity,
    names: Sequence[str],
) -> int:
    """Return a positive number of 19 bytes (RFC 5280 allows 20), derived from the contents."""
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    digest = hashlib.sha256(repr((common_name, validity, tuple(names))).encode())
    digest.update(key.public_key().public_bytes(*form))
    digest.update(signer.public_key().public_bytes(*form))
    return int.from_bytes(digest.digest()[:19], "big") | 1
