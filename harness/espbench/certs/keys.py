# SPDX-License-Identifier: MIT
"""Private keys for test certificates, generated once per user and kept outside the tree.

Generating an RSA-4096 key takes seconds, so keys are cached in ``ESPBENCH_CACHE``,
else ``XDG_CACHE_HOME/espbench``, else ``~/.cache/espbench``, readable by their owner
only. They protect nothing: they sign names that end in ``.test`` (RFC 2606 section 2),
and only scenarios trust them. Caching them also keeps a device's flash image identical
from run to run, so that the image can be cached by its content.
"""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519

__all__ = [
    "KINDS",
    "PrivateKey",
    "generate",
    "key_folder",
    "kind_of",
    "openssh",
    "pkcs8",
    "private_key",
    "traditional",
]

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | x25519.X25519PrivateKey
)
"""An X25519 key cannot sign: only a certificate's own key can be one (RFC 8410)."""

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
}
KINDS = ("rsa1024", "rsa2048", "rsa4096", *_CURVES, "ed25519", "x25519")
"""The kinds of key that `private_key` can generate."""


def private_key(kind: str, role: str = "server") -> PrivateKey:
    """Return the key of this kind (one of `KINDS`) for this role.

    The same kind and role give the same key in every process of this user. When the cache
    folder is not writable, the key lasts only as long as the process.

    Raises:
        ValueError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ValueError(f"unknown key kind {kind!r}: use one of {', '.join(KINDS)}.")
    return _cached(kind, role, key_folder())


def key_folder() -> Path:
    """Return the folder that keeps keys between runs."""
    chosen = os.environ.get("ESPBENCH_CACHE")
    if chosen:
        return Path(chosen) / "keys"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "espbench" / "keys"


@functools.cache
def _cached(kind: str, role: str, folder: Path) -> PrivateKey:
    path = folder / f"{kind}-{role}.pem"
    kept = _load(path, kind)
    if kept is not None:
        return kept
    made = generate(kind)
    with contextlib.suppress(OSError):
        _keep(path, made)
    # Another worker may have been first; everyone uses its key then.
    return _load(path, kind) or made


def generate(kind: str) -> PrivateKey:
    """Generate a new key of this kind without caching it."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "x25519":
        return x25519.X25519PrivateKey.generate()
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind]())
    # The device has to refuse 1024 bits.
    return rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))


def kind_of(key: object) -> str:
    """Return the kind (as in `KINDS`) of this key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return f"rsa{key.key_size}"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return next((kind for kind, curve in _CURVES.items() if isinstance(key.curve, curve)), "?")
    if isinstance(key, x25519.X25519PrivateKey):
        return "x25519"
    return "ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "?"


def _load(path: Path, kind: str) -> PrivateKey | None:
    """Return the key in this file, or None if it cannot be read or is of another kind."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    if kind_of(key) != kind:
        return None
    assert isinstance(key, PrivateKey)
    return key


def _keep(path: Path, key: PrivateKey) -> None:
    """Write the key atomically, without replacing a good one that is already there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pkcs8(key))
        try:
            os.link(name, path)
        except FileExistsError:
            if _load(path, kind_of(key)) is None:  # truncated, or not one of our keys
                Path(name).replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def pkcs8(key: PrivateKey, password: bytes | None = None) -> bytes:
    """Return PEM in PKCS#8 (``BEGIN PRIVATE KEY``, RFC 5958), encrypted if there is a password."""
    return _pem(key, serialization.PrivateFormat.PKCS8, password)


def traditional(key: PrivateKey, password: bytes | None = None) -> bytes:
    """Return PEM in the key's own format: PKCS#1 for RSA (RFC 8017), SEC 1 for EC (RFC 5915)."""
    return _pem(key, serialization.PrivateFormat.TraditionalOpenSSL, password)


def openssh(key: PrivateKey) -> bytes:
    """Return PEM in OpenSSH's own format, which ssh-keygen has written by default since 7.8."""
    return _pem(key, serialization.PrivateFormat.OpenSSH, None)


def _pem(key: PrivateKey, form: serialization.PrivateFormat, password: bytes | None) -> bytes:
    how: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        how = serialization.BestAvailableEncryption(password)
    return key.private_bytes(serialization.Encoding.PEM, form, how)
