"""Recipes that must keep HTTPS from starting, each for one reason."""

from __future__ import annotations

import re
from collections.abc import Callable

from espbench.certs import keys
from espbench.certs.good import files
from espbench.certs.keys import private_key
from espbench.certs.pki import authority, chain, pem, server
from espbench.certs.recipes import CERT_FILE, KEY_FILE, Fails, Files, Recipe

TEXT = b"This is the README of my device, not what belongs here.\n"
_CHAIN_TOO_LONG = 12
"""Certificates of about 480 bytes: 5.6 kB, more than the 4 kB that ESP-IDF's configuration of
Mbed TLS (``MBEDTLS_SSL_OUT_CONTENT_LEN``) can send in one message."""
_FILE_TOO_LONG = 40
"""Certificates: 19 kB, more than a TLS record (16 kB) can have, so too many for any board."""


def _good() -> dict[str, bytes]:
    root = authority("p256")
    return dict(files([server("p256", root)], root))


def _replaced(name: str, change: Callable[[], bytes | None]) -> Callable[[], Files]:
    """Return a recipe of a good pair in which this file is another, or not there."""

    def make() -> Files:
        made = _good()
        contents = change()
        if contents is None:
            del made[name]
        else:
            made[name] = contents
        return made

    return make


def _folder(name: str) -> Callable[[], Files]:
    def make() -> Files:
        made = _good()
        del made[name]
        made[f"{name}/placeholder"] = b""
        return made

    return make


def _truncated(name: str) -> bytes:
    whole = _good()[name]
    return whole[: len(whole) * 2 // 3]


def _damaged_certificate() -> bytes:
    """PEM that is whole, with DER in it that is not: the first length is wrong."""
    lines = _good()[CERT_FILE].split(b"\n")
    lines[1] = b"MIID/////" + lines[1][9:]
    return b"\n".join(lines)


def _chain_with_broken_second() -> Files:
    links = chain("p256", 2)
    made = dict(files(links[:-1], links[-1]))
    second = made[CERT_FILE].split(b"-----BEGIN CERTIFICATE-----\n")[2]
    made[CERT_FILE] = made[CERT_FILE].replace(second[:48], b"A" * 48)
    return made


def _chain_with_truncated_second() -> Files:
    links = chain("p256", 2)
    made = dict(files(links[:-1], links[-1]))
    made[CERT_FILE] = made[CERT_FILE][: -len(links[1].pem) // 2]
    return made


def _wrong_order() -> Files:
    links = chain("p256", 2)
    made = dict(files(links[:-1], links[-1]))
    made[CERT_FILE] = pem(links[:-1][::-1])
    return made


def _too_large(count: int) -> Files:
    links = chain("p256", 2)
    made = dict(files(links[:-1], links[-1]))
    made[CERT_FILE] = links[0].pem + links[1].pem * (count - 1)
    return made


def _kind(kind: str) -> Callable[[], Files]:
    return lambda: files([server(kind)], None)


def _about(name: str, words: str) -> Fails:
    """Return the expectation of a sentence that names this file and says one of these things."""
    return Fails(rf"(?i)^(?=.*{re.escape(name)}).*({words})")


MISMATCH = Fails(r"does not (match|belong)")
UNSUPPORTED = Fails(r"(?i)unsupported|not supported|too small|neither RSA nor ECDSA")
NOT_FOUND = "not found|does not exist|missing"
UNREADABLE = "cannot be read|unreadable|not a file|is a (folder|directory)"
NOT_PEM = "not PEM|no PEM"
DAMAGED = "damaged|truncated|cannot be parsed"

BAD: tuple[Recipe, ...] = (
    Recipe(
        "cert-missing",
        "no certificate file",
        _replaced(CERT_FILE, lambda: None),
        _about(CERT_FILE, NOT_FOUND),
    ),
    Recipe(
        "key-missing",
        "no key file",
        _replaced(KEY_FILE, lambda: None),
        _about(KEY_FILE, NOT_FOUND),
    ),
    Recipe(
        "cert-empty",
        "the certificate file is empty",
        _replaced(CERT_FILE, lambda: b""),
        _about(CERT_FILE, "empty"),
    ),
    Recipe(
        "key-empty",
        "the key file is empty",
        _replaced(KEY_FILE, lambda: b""),
        _about(KEY_FILE, "empty"),
    ),
    Recipe(
        "cert-unreadable",
        "a folder where the certificate should be",
        _folder(CERT_FILE),
        _about(CERT_FILE, UNREADABLE),
    ),
    Recipe(
        "key-unreadable",
        "a folder where the key should be",
        _folder(KEY_FILE),
        _about(KEY_FILE, UNREADABLE),
    ),
    Recipe(
        "cert-der",
        "the certificate is DER",
        _replaced(CERT_FILE, lambda: server("p256", authority("p256")).der),
        _about(CERT_FILE, NOT_PEM),
    ),
    Recipe(
        "key-der",
        "the key is DER",
        _replaced(KEY_FILE, lambda: keys.der(private_key("p256"))),
        _about(KEY_FILE, NOT_PEM),
    ),
    Recipe(
        "cert-text",
        "the certificate is some text",
        _replaced(CERT_FILE, lambda: TEXT),
        _about(CERT_FILE, NOT_PEM),
    ),
    Recipe(
        "key-text",
        "the key is some text",
        _replaced(KEY_FILE, lambda: TEXT),
        _about(KEY_FILE, NOT_PEM),
    ),
    Recipe(
        "cert-truncated",
        "the certificate's PEM ends in the middle",
        _replaced(CERT_FILE, lambda: _truncated(CERT_FILE)),
        _about(CERT_FILE, DAMAGED),
    ),
    Recipe(
        "key-truncated",
        "the key's PEM ends in the middle",
        _replaced(KEY_FILE, lambda: _truncated(KEY_FILE)),
        _about(KEY_FILE, DAMAGED),
    ),
    Recipe(
        "cert-damaged",
        "the certificate's PEM is whole, its contents are not",
        _replaced(CERT_FILE, _damaged_certificate),
        _about(CERT_FILE, DAMAGED),
    ),
    Recipe(
        "cert-without-certificate",
        "a key where the certificate should be",
        _replaced(CERT_FILE, lambda: _good()[KEY_FILE]),
        _about(CERT_FILE, "no certificate"),
    ),
    Recipe(
        "key-without-key",
        "a certificate where the key should be",
        _replaced(KEY_FILE, lambda: _good()[CERT_FILE]),
        _about(KEY_FILE, "no (private )?key"),
    ),
    Recipe(
        "key-encrypted",
        "the key asks for a password (PKCS#8)",
        _replaced(KEY_FILE, lambda: keys.pkcs8(private_key("p256"), b"secret")),
        _about(KEY_FILE, "encrypted"),
    ),
    Recipe(
        "key-encrypted-traditional",
        "the key asks for a password (Proc-Type: 4,ENCRYPTED)",
        _replaced(KEY_FILE, lambda: keys.traditional(private_key("p256"), b"secret")),
        _about(KEY_FILE, "encrypted"),
    ),
    Recipe(
        "key-of-another",
        "the key of another P-256 certificate",
        _replaced(KEY_FILE, lambda: keys.pkcs8(private_key("p256", "other"))),
        MISMATCH,
    ),
    Recipe(
        "key-of-another-kind",
        "an RSA key for a P-256 certificate",
        _replaced(KEY_FILE, lambda: keys.pkcs8(private_key("rsa2048"))),
        MISMATCH,
    ),
    Recipe(
        "chain-too-large",
        f"{_CHAIN_TOO_LONG} certificates",
        lambda: _too_large(_CHAIN_TOO_LONG),
        _about(CERT_FILE, "chain.*too large"),
    ),
    Recipe(
        "cert-file-too-large",
        f"{_FILE_TOO_LONG} certificates",
        lambda: _too_large(_FILE_TOO_LONG),
        _about(CERT_FILE, "too large"),
    ),
    Recipe(
        "chain-second-broken",
        "the second certificate is damaged",
        _chain_with_broken_second,
        _about(CERT_FILE, "certificate 2 .*damaged|1 of the 2 certificates"),
    ),
    Recipe(
        "chain-second-truncated",
        "the second certificate's PEM ends in the middle",
        _chain_with_truncated_second,
        _about(CERT_FILE, "certificate 2 .*damaged|1 of the 2 certificates"),
    ),
    Recipe(
        "chain-wrong-order",
        "the intermediate comes first",
        _wrong_order,
        _about(CERT_FILE, "order|first"),
    ),
    Recipe("ed25519", "an Ed25519 key", _kind("ed25519"), UNSUPPORTED),
    Recipe("p521", "an ECDSA P-521 key", _kind("p521"), UNSUPPORTED),
    Recipe("rsa1024", "an RSA key of 1024 bits", _kind("rsa1024"), UNSUPPORTED),
)
"""Files with which HTTPS must not start."""
