# SPDX-License-Identifier: MIT
"""Deterministic "random" bytes, the same in every run, for reproducible measurements.

The cost of a handshake depends a little on the random numbers drawn in it, and the cost of an RSA
operation depends on the bits of the key. The bytes are not secret: use them only for test keys and
test clients.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from unittest import mock

__all__ = ["FixedRandom", "fixed_random"]


class FixedRandom:
    """Replacement for `os.urandom`: SHAKE-256 of a seed and a counter."""

    def __init__(self, seed: str) -> None:
        """Start at the beginning of this seed's stream."""
        self._seed = seed.encode()
        self._drawn = 0

    def __call__(self, size: int, /) -> bytes:
        """Return the next `size` bytes."""
        self._drawn += 1
        counter = self._drawn.to_bytes(8, "big")
        return hashlib.shake_256(self._seed + counter).digest(size)


@contextlib.contextmanager
def fixed_random(seed: str) -> Iterator[None]:
    """Make `os.urandom`, which tlslite-ng uses, return this seed's bytes.

    This affects the whole process: nothing else in it may need secrets meanwhile.
    """
    with mock.patch("os.urandom", FixedRandom(seed)):
        yield
