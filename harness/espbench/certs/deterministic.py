# SPDX-License-Identifier: MIT
"""Certificates with the same keys on every machine, so that measurements are comparable.

The keys are not committed: they are derived from a fixed seed.
"""

from __future__ import annotations

import functools
import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from espbench.certs.deterministic_random import fixed_random
from espbench.certs.keys import PrivateKey, pkcs8
from espbench.certs.pki import server
from espbench.certs.recipes import CERT_FILE, KEY_FILE, TRUST_FILE, Files, Recipe, Starts
from espbench.util.tlslite_import import import_tlslite

__all__ = ["fixed_key", "fixed_recipe"]

SEED = "espbench fixed key"


def fixed_recipe(kind: str) -> Recipe:
    """Return a self-signed certificate with a key of this kind (rsa2048 or p256).

    The bytes are the same on every machine.
    """
    return Recipe(
        f"fixed-{kind}",
        f"{kind}, the same everywhere",
        functools.partial(_files, kind),
        Starts(kind),
    )


def _files(kind: str) -> Files:
    alone = server(kind, key=fixed_key(kind))
    return {CERT_FILE: alone.pem, KEY_FILE: pkcs8(alone.key), TRUST_FILE: alone.pem}


@functools.cache
def fixed_key(kind: str) -> PrivateKey:
    """Return the key of this kind, rsa2048 or p256."""
    if kind == "p256":
        secret = int.from_bytes(hashlib.sha256(SEED.encode()).digest(), "big")
        # The curve's order is far above 2**255, so no reduction is needed.
        return ec.derive_private_key(secret >> 1, ec.SECP256R1())
    return _rsa(int(kind.removeprefix("rsa")))


def _rsa(bits: int) -> rsa.RSAPrivateKey:
    import_tlslite()  # here, because it takes time, and most commands don't need it
    from tlslite.utils.python_rsakey import Python_RSAKey

    with fixed_random(SEED):
        made = Python_RSAKey.generate(bits)
    p, q, d = int(made.p), int(made.q), int(made.d)
    numbers = rsa.RSAPrivateNumbers(
        p,
        q,
        d,
        rsa.rsa_crt_dmp1(d, p),
        rsa.rsa_crt_dmq1(d, q),
        rsa.rsa_crt_iqmp(p, q),
        rsa.RSAPublicNumbers(int(made.e), int(made.n)),
    )
    return numbers.private_key()
