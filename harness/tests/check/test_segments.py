# SPDX-License-Identifier: MIT
"""Which pieces of a message are segments of their own."""

from __future__ import annotations

import pytest
from espbench.check.segments import stands_apart


@pytest.mark.parametrize(
    ("pieces", "joined"), [(1, []), (72, []), (73, [64]), (1500, list(range(64, 1492)))]
)
def test_stands_apart(pieces: int, joined: list[int]) -> None:
    """The first 64 and the last 8 stand apart; those between may be joined."""
    assert [n for n in range(pieces) if not stands_apart(n, pieces)] == joined
