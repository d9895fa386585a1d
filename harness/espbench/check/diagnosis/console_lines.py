# SPDX-License-Identifier: MIT
"""Groups a console's errors and warnings: log lines of ESP-IDF, tracebacks of Python; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from espbench.device.console.program import TRACEBACK, ending_of

__all__ = ["complaints", "kind_of", "program_ended", "tracebacks"]

_LOG = re.compile(
    r"^(?:\x1b\[[\d;]*m)*([EW]) \((?:\d+|[\d:.]+)\) ([^:\n]+): ([^\n\x1b]*)", re.MULTILINE
)
"""ESP-IDF's log format (components/log/include/esp_log_format.h)."""
_NUMBER = re.compile(r"\b\d+\b")
MOST = 6


def complaints(text: str) -> list[str]:
    """Return the errors and warnings in a piece of console text, most frequent first.

    Lines that differ in decimal numbers alone are one; its first form is shown, with its count.
    """
    lines = [f"{m[1]} {m[2]}: {m[3].rstrip()}" for m in _LOG.finditer(text)]
    return _counted([*lines, *_exceptions(text)])


def tracebacks(text: str) -> list[str]:
    """Return the exceptions that ended in a traceback, most frequent first."""
    return _counted(_exceptions(text))


def _exceptions(text: str) -> list[str]:
    return [f"Traceback: {m[2].rstrip()}" for m in TRACEBACK.finditer(text)]


def kind_of(line: str) -> str:
    """Return what lines have in common that differ in decimal numbers alone."""
    return _NUMBER.sub("#", line)


def _counted(lines: Sequence[str]) -> list[str]:
    counts: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for line in lines:
        key = kind_of(line)
        counts[key] += 1
        shown.setdefault(key, line)
    return [
        shown[key] + (f" ({count} times)" if count > 1 else "")
        for key, count in counts.most_common(MOST)
    ]


def program_ended(text: str) -> str:
    """Return why a MicroPython program has ended, by the console since its boot; "" if it runs.

    Its prompt at the end of the text says so.
    """
    ending = ending_of(text)
    if ending is None or not ending.prompt:
        return ""
    return "its program has ended" + (f" with {ending.exception}" if ending.exception else "")
