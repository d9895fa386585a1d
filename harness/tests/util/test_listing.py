# SPDX-License-Identifier: MIT
"""Several words in a sentence."""

from __future__ import annotations

import pytest
from espbench.util.listing import counted, listing, uncapitalized


@pytest.mark.parametrize(
    ("words", "expected"), [("", ""), ("a", "a"), ("ab", "a or b"), ("abc", "a, b or c")]
)
def test_listing(words: str, expected: str) -> None:
    """All words but the last two are separated by commas."""
    assert listing(words, "or") == expected


def test_counted() -> None:
    """A noun is in the singular for one alone."""
    assert counted(0, "session") == "0 sessions"
    assert counted(1, "session") == "1 session"
    assert counted(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The device hung.", "the device hung."),
        ("A ping", "a ping"),
        ("TLS failed.", "TLS failed."),
        ("X509 failed.", "X509 failed."),
        ("", ""),
    ],
)
def test_uncapitalized(text: str, expected: str) -> None:
    """A sentence can follow a colon; an acronym stays one."""
    assert uncapitalized(text) == expected
