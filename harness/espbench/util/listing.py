# SPDX-License-Identifier: MIT
"""`listing`: several words in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["listing"]


def listing(words: Iterable[str], conjunction: str = "and") -> str:
    """Return words as in "a, b and c"; "" for none."""
    *others, last = list(words) or [""]
    return f"{', '.join(others)} {conjunction} {last}" if others else last
