# SPDX-License-Identifier: MIT
"""Deterministic random bytes: the same in every run, for what is measured.

What a handshake costs depends a little on the numbers that are drawn in it, and what an RSA key
costs depends on its bits. Worth nothing as secrets: use it on test keys and test clients only.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from unittest import mock


class FixedRandom:
    """Stands in for `os.urandom`: SHAKE-256 of a seed and a counter."""

    def __init__(self, seed: str) -> None:
        """Start at the first byte of this seed's stream."""
        self._seed = seed.encode()
        self._drawn = 0

    def __call__(self, size: int, /) -> bytes:
        """Return the next `size` bytes."""
        self._drawn += 1
        counter = self._drawn.to_bytes(8, "big")
        return hashlib.shake_256(self._seed + counter).digest(size)


@contextlib.contextmanager
def fixed_random(seed: str) -> Iterator[None]:
    """Let `os.urandom`, on which tlslite-ng draws, give this seed's bytes.

    For the whole process: nothing else may need secrets meanwhile.
    """
    with mock.patch("os.urandom", FixedRandom(seed)):
        yield
