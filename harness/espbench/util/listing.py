# SPDX-License-Identifier: MIT
"""Words in a sentence: `listing`, `counted` and `uncapitalized`; pure."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["counted", "listing", "uncapitalized"]


def listing(words: Iterable[str], conjunction: str = "and") -> str:
    """Return words as in "a, b and c"; "" for none."""
    *others, last = list(words) or [""]
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number and a noun, as in "1 session" or "4 sessions".

    Args:
        number: how many.
        noun: the noun in the singular.
        plural: its plural, if that is not the noun with an "s".
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def uncapitalized(text: str) -> str:
    """Return a sentence to follow a colon or a comma: "the device ...", but still "TLS ..."."""
    if text[1:2].isupper() or text[1:2].isdigit():
        return text
    return text[:1].lower() + text[1:]
