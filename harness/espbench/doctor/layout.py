# SPDX-License-Identifier: MIT
"""Lays out text for a terminal in such a way that paths can be copied from it; pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

__all__ = ["LEAST", "columns", "indented"]

LEAST = 40
"""The least width of wrapped text, in columns, however narrow the terminal is."""
GAP = "  "


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return each row's cells in columns of equal width, with a gap after the last one.

    Args:
        rows: rows with the same number of cells.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "".join(f"{cell:<{width}}{GAP}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def indented(start: str, text: str, width: int) -> list[str]:
    """Return lines: text after `start`, and below its own beginning where it continues.

    Words are not split: a path without spaces stays in one line, whatever its length.

    Args:
        start: the beginning of the first line.
        text: the text to wrap.
        width: width of the terminal in columns.
    """
    lines = textwrap.wrap(
        text,
        max(width - len(start), LEAST),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [
        f"{start if number == 0 else ' ' * len(start)}{line}"
        for number, line in enumerate(lines or [""])
    ]
