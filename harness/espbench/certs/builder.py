# SPDX-License-Identifier: MIT
"""Builds a recipe's files: issues the certificates, then applies the recipe's defect.

The recipes are in `certs/*.toml`; `certs/README.md` explains their fields.
"""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from espbench.certs import keys
from espbench.certs.pki import NOW, SERVER_NAMES, Issued, Validity, authority, chain, pem, server
from espbench.certs.recipes import CERT_FILE, KEY_FILE, TRUST_FILE, Files

__all__ = ["DEFECTS", "FORMATS", "SENDS", "Chain", "Defect", "PrivateKey", "Specification", "build"]

TEXT = b"This is the README of my device, not what belongs here.\n"
EC_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
"""The curve P-256, which `openssl ecparam -name prime256v1 -genkey` writes before the key."""
BEGIN = b"-----BEGIN CERTIFICATE-----\n"
TRUSTED = b"TRUSTED CERTIFICATE"
SERVER_TRUST = bytes.fromhex("300c300a06082b06010505070301")
"""What OpenSSL appends to a certificate that is trusted for TLS servers (X509_CERT_AUX)."""
FILES = {"certificate": (CERT_FILE,), "key": (KEY_FILE,), "both": (CERT_FILE, KEY_FILE)}
SENDS = ("chain", "server", "all", "reversed")
FORMATS = ("pkcs8", "traditional", "ec-parameters", "openssh")


@dataclass(frozen=True)
class Chain:
    """The certificates between the server's and the root.

    Attributes:
        intermediates: number of intermediate certificates.
        sends: contents of the certificate file: `chain` (all but the root), `server` (no
            intermediate), `all` (including the root), `reversed` (the server's last).
        certificates: number of certificates in the file, reached by repeating the last
            intermediate; None: one of each.
    """

    intermediates: int = 0
    sends: str = "chain"
    certificates: int | None = None


@dataclass(frozen=True)
class PrivateKey:
    """A private key that does not belong to the certificate."""

    kind: str
    role: str


@dataclass(frozen=True)
class Defect:
    """A defect (a key of `DEFECTS`) and the file that has it (a key of `FILES`)."""

    kind: str
    file: str


@dataclass(frozen=True)
class Specification:
    """Parameters of a set of certificate files.

    Attributes:
        key: kind of the server's key, one of `keys.KINDS`.
        issuer: `root` or `self`.
        trusted: whether to write the certificate that a client has to trust.
        names: host names and IP addresses of the certificate (subjectAltName).
        validity: validity of the server's certificate.
        chain: see `Chain`.
        format: format of the key file, one of `FORMATS`.
        password: password that encrypts the key, or None.
        private_key: the key in the key file, if it does not belong to the certificate.
        defect: the defect to apply, or None.
        command: a shell command that makes both files instead, or None.
    """

    key: str = "p256"
    issuer: str = "root"
    trusted: bool = True
    names: tuple[str, ...] = SERVER_NAMES
    validity: Validity = NOW
    chain: Chain = Chain()
    format: str = "pkcs8"
    password: str | None = None
    private_key: PrivateKey | None = None
    defect: Defect | None = None
    command: str | None = None


def build(spec: Specification) -> Files:
    """Return the files' contents by name.

    Raises:
        FileNotFoundError: the command's program is not installed.
        subprocess.SubprocessError: the command failed.
    """
    if spec.command is not None:
        return _run(spec.command)
    links, root = _issue(spec)
    made: dict[str, bytes] = {
        CERT_FILE: pem(_sent(spec.chain, links, root)),
        KEY_FILE: _key(spec, links[0].key),
    }
    if spec.trusted:
        made[TRUST_FILE] = root.pem
    if spec.defect is not None:
        made = _apply(made, spec.defect, links[0])
    return made


def _issue(spec: Specification) -> tuple[list[Issued], Issued]:
    """Return the server's certificate with its intermediates, and the trust anchor."""
    if spec.chain.intermediates:
        links = chain(spec.key, spec.chain.intermediates + 1)
        return links[:-1], links[-1]
    if spec.issuer == "self":
        alone = server(spec.key)
        return [alone], alone
    root = authority("p256" if spec.key.startswith("p") else "rsa2048")
    return [server(spec.key, root, names=spec.names, validity=spec.validity)], root


def _sent(spec: Chain, links: list[Issued], root: Issued) -> list[Issued]:
    if spec.certificates is not None:
        return [*links[:-1], *links[-1:] * (spec.certificates - len(links) + 1)]
    match spec.sends:
        case "server":
            return links[:1]
        case "all":
            return [*links, root]
        case "reversed":
            return links[::-1]
        case _:
            return links


def _key(spec: Specification, own: keys.PrivateKey) -> bytes:
    other = spec.private_key
    key = own if other is None else keys.private_key(other.kind, other.role)
    password = None if spec.password is None else spec.password.encode()
    if spec.format == "pkcs8":
        return keys.pkcs8(key, password)
    if spec.format == "openssh":
        return keys.openssh(key)
    parameters = EC_PARAMETERS if spec.format == "ec-parameters" else b""
    return parameters + keys.traditional(key, password)


def _run(command: str) -> Files:
    """Run the user's command; the resulting certificate is its own trust anchor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        cert = (folder / CERT_FILE).read_bytes()
        key = (folder / KEY_FILE).read_bytes()
    return {CERT_FILE: cert, KEY_FILE: key, TRUST_FILE: cert}


# ---------------------------------------------------------------- defects

Change = Callable[[dict[str, bytes], str, Issued], None]


def _apply(files: dict[str, bytes], defect: Defect, issued: Issued) -> dict[str, bytes]:
    made = dict(files)
    for name in FILES[defect.file]:
        DEFECTS[defect.kind](made, name, issued)
    return made


def _missing(files: dict[str, bytes], name: str, _: Issued) -> None:
    del files[name]


def _empty(files: dict[str, bytes], name: str, _: Issued) -> None:
    files[name] = b""


def _folder(files: dict[str, bytes], name: str, _: Issued) -> None:
    del files[name]
    files[f"{name}/placeholder"] = b""


def _text(files: dict[str, bytes], name: str, _: Issued) -> None:
    files[name] = TEXT


def _der(files: dict[str, bytes], name: str, _: Issued) -> None:
    """Take the PEM's contents alone, those of several certificates one after the other."""
    files[name] = b"".join(_contents(files[name]))


def _contents(text: bytes) -> Iterator[bytes]:
    for block in re.findall(rb"-----BEGIN [^-]+-----([^-]+)-----END", text):
        yield base64.b64decode(block)


def _trusted(files: dict[str, bytes], name: str, _: Issued) -> None:
    """Write the certificate as `openssl x509 -trustout` does: what it is trusted for follows."""
    (der,) = _contents(files[name])
    lines = base64.encodebytes(der + SERVER_TRUST)
    files[name] = b"-----BEGIN %b-----\n%b-----END %b-----\n" % (TRUSTED, lines, TRUSTED)


def _truncated(files: dict[str, bytes], name: str, _: Issued) -> None:
    files[name] = files[name][: len(files[name]) * 2 // 3]


def _damaged(files: dict[str, bytes], name: str, _: Issued) -> None:
    """Keep the PEM valid, but give the DER in it a wrong first length."""
    lines = files[name].split(b"\n")
    lines[1] = b"MIID/////" + lines[1][9:]
    files[name] = b"\n".join(lines)


def _swapped(files: dict[str, bytes], name: str, _: Issued) -> None:
    files[name] = files[KEY_FILE if name == CERT_FILE else CERT_FILE]


def _second_damaged(files: dict[str, bytes], name: str, _: Issued) -> None:
    second = files[name].split(BEGIN)[2]
    files[name] = files[name].replace(second[:48], b"A" * 48)


def _second_truncated(files: dict[str, bytes], name: str, _: Issued) -> None:
    second = files[name].split(BEGIN)[2]
    files[name] = files[name][: -(len(BEGIN) + len(second)) // 2]


def _crlf(files: dict[str, bytes], name: str, _: Issued) -> None:
    files[name] = files[name].replace(b"\n", b"\r\n")


def _carriage_return(files: dict[str, bytes], name: str, _: Issued) -> None:
    files[name] = files[name].replace(b"\n", b"\r")


def _literal_newlines(files: dict[str, bytes], name: str, _: Issued) -> None:
    # As in JSON, or in a string of C.
    files[name] = files[name].replace(b"\n", b"\\n")


def _indented(files: dict[str, bytes], name: str, _: Issued) -> None:
    # As from a block of YAML, or a string of Python.
    files[name] = b"".join(b"    " + line for line in files[name].splitlines(keepends=True))


def _text_before(files: dict[str, bytes], name: str, _: Issued) -> None:
    # `openssl x509 -text` writes a description first.
    files[name] = b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + files[name]


def _no_last_newline(files: dict[str, bytes], name: str, _: Issued) -> None:
    files[name] = files[name].rstrip(b"\n")


def _one_file(files: dict[str, bytes], _name: str, _: Issued) -> None:
    if KEY_FILE in files:
        files[CERT_FILE] += files.pop(KEY_FILE)


DEFECTS: Mapping[str, Change] = {
    "missing": _missing,
    "empty": _empty,
    "folder": _folder,
    "text": _text,
    "der": _der,
    "truncated": _truncated,
    "damaged": _damaged,
    "swapped": _swapped,
    "second-damaged": _second_damaged,
    "second-truncated": _second_truncated,
    "crlf": _crlf,
    "carriage-return": _carriage_return,
    "literal-newlines": _literal_newlines,
    "indented": _indented,
    "trusted": _trusted,
    "text-before": _text_before,
    "no-last-newline": _no_last_newline,
    "one-file": _one_file,
}
