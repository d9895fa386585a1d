# SPDX-License-Identifier: MIT
"""Several words in a sentence."""

from __future__ import annotations

import pytest
from espbench.util.listing import listing


@pytest.mark.parametrize(
    ("words", "expected"), [("", ""), ("a", "a"), ("ab", "a or b"), ("abc", "a, b or c")]
)
def test_listing(words: str, expected: str) -> None:
    """All words but the last two are separated by commas."""
    assert listing(words, "or") == expected
