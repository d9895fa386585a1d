"""Recipes that start HTTPS: every key, chain and file format that users bring."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from espbench.certs import keys
from espbench.certs.pki import FUTURE, PAST, Issued, authority, chain, pem, server
from espbench.certs.recipes import CERT_FILE, KEY_FILE, TRUST_FILE, Files, Recipe, Starts

OPENSSL_LINE = (
    "openssl req -newkey rsa:2048 -nodes -keyout prvtkey.pem -x509 -days 3650"
    ' -out servercert.pem -subj "/CN=ESP32 Device"'
)
"""The line with which users make a pair."""

UNTRUSTED = r"(?i)self.signed certificate|unable to get (local )?issuer"


def files(
    certificates: Sequence[Issued],
    trust: Issued | None,
    key_format: Callable[[keys.PrivateKey], bytes] = keys.pkcs8,
) -> Files:
    """Return what a server needs to show these certificates, the first with its key."""
    made = {CERT_FILE: pem(certificates), KEY_FILE: key_format(certificates[0].key)}
    if trust is not None:
        made[TRUST_FILE] = trust.pem
    return made


def _signed(kind: str) -> Files:
    """Return a server certificate that a root signed."""
    root = authority("p256" if kind.startswith("p") else "rsa2048")
    return files([server(kind, root)], root)


def _chain(kind: str, length: int) -> Files:
    links = chain(kind, length)
    return files(links[:-1], links[-1])


def _chain_without_intermediate() -> Files:
    links = chain("p256", 2)
    return files(links[:1], links[-1])


def _chain_with_root() -> Files:
    links = chain("p256", 2)
    return files(links, links[-1])


def _self_signed(kind: str, *, trusted: bool) -> Files:
    alone = server(kind)
    return files([alone], alone if trusted else None)


def _key_format(kind: str, key_format: Callable[[keys.PrivateKey], bytes]) -> Files:
    root = authority("p256")
    return files([server(kind, root)], root, key_format)


def _ec_parameters() -> Files:
    # What `openssl ecparam -name prime256v1 -genkey` writes: the curve, then the key.
    made = dict(_key_format("p256", keys.traditional))
    curve = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    made[KEY_FILE] = curve + made[KEY_FILE]
    return made


def _crlf() -> Files:
    made = dict(_signed("p256"))
    return {name: data.replace(b"\n", b"\r\n") for name, data in made.items()}


def _text_around() -> Files:
    # What `openssl x509 -text` writes: a description first.
    made = dict(_signed("p256"))
    made[CERT_FILE] = b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + made[CERT_FILE]
    return made


def _no_last_newline() -> Files:
    return {name: data.rstrip(b"\n") for name, data in _signed("p256").items()}


def _one_file() -> Files:
    made = dict(_signed("p256"))
    made[CERT_FILE] += made.pop(KEY_FILE)
    return made


def _other_name() -> Files:
    root = authority("p256")
    return files([server("p256", root, names=("elsewhere.test",))], root)


def _expired() -> Files:
    root = authority("p256")
    return files([server("p256", root, validity=PAST)], root)


def _not_yet_valid() -> Files:
    root = authority("p256")
    return files([server("p256", root, validity=FUTURE)], root)


def _openssl_line() -> Files:
    """Run the users' line; its certificate is its own trust.

    Raises `FileNotFoundError` without openssl, `subprocess.SubprocessError` when it fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            ["sh", "-c", OPENSSL_LINE],
            cwd=folder,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        cert = (folder / "servercert.pem").read_bytes()
        key = (folder / "prvtkey.pem").read_bytes()
    return {CERT_FILE: cert, KEY_FILE: key, TRUST_FILE: cert}


_part = functools.partial

GOOD: tuple[Recipe, ...] = (
    Recipe("p256", "ECDSA P-256, signed by a root", _part(_signed, "p256"), Starts("p256")),
    Recipe("p384", "ECDSA P-384, signed by a root", _part(_signed, "p384"), Starts("p384")),
    Recipe("rsa2048", "RSA 2048, signed by a root", _part(_signed, "rsa2048"), Starts("rsa2048")),
    Recipe("rsa4096", "RSA 4096, signed by a root", _part(_signed, "rsa4096"), Starts("rsa4096")),
    Recipe("chain-two", "server and one intermediate", _part(_chain, "p256", 2), Starts("p256")),
    Recipe("chain-three", "server and two intermediates", _part(_chain, "p256", 3), Starts("p256")),
    Recipe(
        "chain-rsa-three",
        "server and two intermediates, all RSA 2048",
        _part(_chain, "rsa2048", 3),
        Starts("rsa2048"),
    ),
    Recipe(
        "chain-with-root", "server, intermediate and the root too", _chain_with_root, Starts("p256")
    ),
    Recipe(
        "self-signed",
        "self-signed P-256, trusted by the client",
        _part(_self_signed, "p256", trusted=True),
        Starts("p256"),
    ),
    Recipe(
        "self-signed-untrusted",
        "self-signed P-256, which no client trusts",
        _part(_self_signed, "p256", trusted=False),
        Starts("p256", UNTRUSTED),
    ),
    Recipe(
        "key-pkcs1",
        "RSA key in PKCS#1 (BEGIN RSA PRIVATE KEY)",
        _part(_key_format, "rsa2048", keys.traditional),
        Starts("rsa2048"),
    ),
    Recipe(
        "key-sec1",
        "EC key in SEC 1 (BEGIN EC PRIVATE KEY)",
        _part(_key_format, "p256", keys.traditional),
        Starts("p256"),
    ),
    Recipe(
        "key-ec-parameters",
        "EC key behind its curve's parameters, as openssl ecparam writes it",
        _ec_parameters,
        Starts("p256"),
    ),
    Recipe("crlf", "both files with Windows line ends", _crlf, Starts("p256")),
    Recipe("text-before", "text before the certificate", _text_around, Starts("p256")),
    Recipe("no-last-newline", "no newline at the end", _no_last_newline, Starts("p256")),
    Recipe(
        "one-file",
        "certificate and key in one file",
        _one_file,
        Starts("p256"),
        key_file=CERT_FILE,
    ),
    Recipe(
        "openssl-line",
        "what the guide's openssl line makes (no host name in it)",
        _openssl_line,
        Starts("rsa2048", r"(?i)hostname mismatch|doesn't match"),
    ),
)
"""Pairs with which a client is satisfied, or not for a reason of its own."""

CLIENT_REFUSES: tuple[Recipe, ...] = (
    Recipe(
        "wrong-name",
        "for another host name",
        _other_name,
        Starts("p256", r"(?i)hostname mismatch|doesn't match"),
    ),
    Recipe("expired", "expired in 2020", _expired, Starts("p256", r"(?i)expired")),
    Recipe(
        "not-yet-valid",
        "valid from 2090 on",
        _not_yet_valid,
        Starts("p256", r"(?i)not yet valid"),
    ),
    Recipe(
        "intermediate-missing",
        "the intermediate is not in the file",
        _chain_without_intermediate,
        Starts("p256", r"(?i)unable to get (local )?issuer"),
    ),
)
"""Pairs that serve (the device has no clock and does not know its name) and that a
client refuses."""
