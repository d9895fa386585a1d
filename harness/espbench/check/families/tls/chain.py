# SPDX-License-Identifier: MIT
"""The certificates that a server sends: order, keys, signatures, validity and names."""

from __future__ import annotations

import datetime
import itertools
import time
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from espbench.check.check import CheckFailed, Observation, check, expect
from espbench.check.families.tls.parameters import hello_for, takes
from espbench.check.families.tls.support import HANDSHAKE
from espbench.check.handshake.names import TLS12
from espbench.check.handshake.server_flight import ask
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.util.listing import counted, listing

__all__ = ["chain_of"]

RSA_BITS, EC_BITS = 2048, 224
BROKEN_HASHES = ("md5", "sha1")


def chain_of(subject: Subject) -> list[x509.Certificate]:
    """Return the certificates that the server sends.

    Raises:
        CheckFailed: it sends none, or one that cannot be parsed.
        ClientError: there was no handshake.
    """
    if takes(subject, TLS12):
        raw = ask(subject.endpoint, hello_for(TLS12)).certificates
    else:  # TLS 1.3 encrypts the chain, and `ssl` shows its first certificate alone
        with subject.endpoint.tls_stream() as stream:
            raw = [stream.certificate]
    expect(raw, "It sends no certificate.")
    found = []
    for number, each in enumerate(raw, 1):
        try:
            found.append(x509.load_der_x509_certificate(each))
        except ValueError as error:
            raise CheckFailed(f"Certificate {number} of its chain is damaged: {error}.") from None
    return found


def _key(certificate: x509.Certificate) -> tuple[str, int, int]:
    """Return a key's kind, its size, and the least size that is safe."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size, RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC, {key.curve.name}", key.key_size, EC_BITS
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256, 256
    kind = type(key).__name__.strip("_").removesuffix("PublicKey")
    return kind, getattr(key, "key_size", 0), RSA_BITS


def _hash(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "an unknown hash"
    return "" if algorithm is None else algorithm.name


def _self_signed(certificate: x509.Certificate) -> bool:
    return certificate.issuer == certificate.subject


@check("tls.certificate_key", "RFC 9325, sections 4.2 and 4.5", Severity.SECURITY, needs="tls")
def certificate_key(subject: Subject) -> Observation:
    """The keys and signatures of its certificates are strong enough."""
    chain = chain_of(subject)
    for number, certificate in enumerate(chain, 1):
        kind, size, least = _key(certificate)
        expect(
            size >= least,
            f"Certificate {number} of its chain has a key of {size} bits ({kind}): use at least "
            f"{least} bits.",
        )
        if not _self_signed(certificate):  # nobody verifies a root's own signature
            hashed = _hash(certificate)
            expect(
                hashed not in BROKEN_HASHES,
                f"Certificate {number} of its chain is signed with {hashed.upper()}, which is "
                "broken (RFC 9155).",
            )
    kind, size, _ = _key(chain[0])
    total = sum(len(each.tbs_certificate_bytes) + len(each.signature) for each in chain)
    return Observation(
        f"Its certificate has a key of {size} bits ({kind}).",
        [Figure("tls.chain", "size of the certificate chain", total, "B", tolerance=512)],
    )


@check("tls.certificate_chain", "RFC 5246, section 7.4.2; RFC 8446, section 4.4.2", needs="tls")
def certificate_chain(subject: Subject) -> Observation:
    """Each certificate of its chain certifies the one before it."""
    chain = chain_of(subject)
    for number, (certificate, issuer) in enumerate(itertools.pairwise(chain), 1):
        if certificate.issuer != issuer.subject:
            expect(
                False,
                f"Certificate {number + 1} of its chain ({issuer.subject.rfc4514_string()}) is not "
                f"the issuer of certificate {number} ({certificate.issuer.rfc4514_string()}): the "
                "server's own comes first, and each of the others certifies the one before it.",
            )
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):
            expect(False, f"Certificate {number} of its chain is not signed by the next one.")
    if len(chain) == 1 and _self_signed(chain[0]):
        return Observation(
            "Its certificate is self-signed, so clients have to trust it explicitly."
        )
    return Observation(f"It sends {counted(len(chain), 'certificate')}.")


@check("tls.certificate_validity", "RFC 5280, section 4.1.2.5", needs="tls")
def certificate_validity(subject: Subject) -> Observation:
    """Its certificates are valid today."""
    now = datetime.datetime.now(datetime.UTC)
    chain = chain_of(subject)
    for number, certificate in enumerate(chain, 1):
        until, since = certificate.not_valid_after_utc, certificate.not_valid_before_utc
        expect(
            until >= now,
            f"Certificate {number} of its chain expired on {until.date()}: clients that verify it "
            "refuse to connect.",
        )
        expect(
            since <= now,
            f"Certificate {number} of its chain is not valid before {since.date()}: clients that "
            "verify it refuse to connect.",
        )
    days = (min(each.not_valid_after_utc for each in chain) - now).days
    return Observation(f"Its certificate is valid for {counted(days, 'more day')}.")


@check("tls.certificate_name", "RFC 9525, section 4.1; RFC 9110, section 4.3.4", needs="tls")
def certificate_name(subject: Subject) -> Observation:
    """Its certificate names the server in the extension subjectAltName."""
    certificate = chain_of(subject)[0]
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        raise CheckFailed(
            f"Its certificate ({certificate.subject.rfc4514_string() or 'without a name'}) has no "
            "subjectAltName, and clients must not use the common name instead: browsers show a "
            "warning even if they trust the certificate."
        ) from None
    except ValueError:
        expect(False, "The extensions of its certificate are damaged.")
    return Observation(f"Its certificate is valid for {listing(_names(extension.value))}.")


def _names(names: x509.SubjectAlternativeName) -> Sequence[str]:
    return [_name(each) for each in names]


def _name(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return name.value.rfc4514_string()
    if isinstance(name, x509.OtherName):
        return f"a name of type {name.type_id.dotted_string}"
    if isinstance(name, x509.RegisteredID):
        return name.value.dotted_string
    return str(name.value)


@check("tls.certificate_use", "RFC 5280, sections 4.2.1.3 and 4.2.1.12", needs="tls")
def certificate_use(subject: Subject) -> None:
    """If its certificate restricts its use, a server may use it."""
    certificate = chain_of(subject)[0]
    try:
        found = {each.oid: each.value for each in certificate.extensions}
    except (ValueError, x509.DuplicateExtension):
        expect(False, "The extensions of its certificate are damaged.")
    extended = found.get(x509.ExtendedKeyUsage.oid)
    if isinstance(extended, x509.ExtendedKeyUsage):
        usages = {
            ExtendedKeyUsageOID.SERVER_AUTH,
            ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        }
        expect(
            usages & set(extended),
            "Its certificate has an extendedKeyUsage without serverAuth: clients refuse it.",
        )
    usage = found.get(x509.KeyUsage.oid)
    if isinstance(usage, x509.KeyUsage):
        expect(
            usage.digital_signature or usage.key_encipherment or usage.key_agreement,
            "The keyUsage of its certificate allows neither digitalSignature nor keyEncipherment: "
            "clients refuse it.",
        )


@check("tls.handshake_time", "RFC 5246, section 7.3", needs="tls", estimate=4)
def handshake_time(subject: Subject) -> Observation:
    """Measures how long it takes to complete a handshake."""
    took = []
    for _ in range(3):
        began = time.monotonic()
        with subject.endpoint.patient(HANDSHAKE).tls_stream():
            took.append(time.monotonic() - began)
    return Observation(
        "",
        [
            Figure(
                "tls.handshake",
                "duration of a handshake",
                min(took),
                "s",
                tolerance=max(3.0, 4 * min(took)),
            )
        ],
    )
