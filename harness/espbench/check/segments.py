# SPDX-License-Identifier: MIT
"""`stands_apart`: which of many pieces of a message are sent in a TCP segment of their own."""

from __future__ import annotations

__all__ = ["APART_BY", "stands_apart"]

APART_BY = 0.004
"""Seconds between single bytes that stand apart."""
FIRST, LAST = 64, 8


def stands_apart(number: int, pieces: int) -> bool:
    """Return whether to pause at a piece, so that nobody joins it with its neighbour; pure.

    Only the first and the last pieces stand apart: a ClientHello with a post-quantum key share has
    1.5 kB, and a server need not wait for seconds.

    Args:
        number: the piece, from 0.
        pieces: how many there are.
    """
    return number < FIRST or number >= pieces - LAST
