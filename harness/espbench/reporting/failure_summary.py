# SPDX-License-Identifier: MIT
"""Summarizes a failure in a few lines for a terminal: its cause, and the device's state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espbench.device.device import Device

WIDEST = 300
"""The most characters of a line to show."""
_ERROR = re.compile(r"^E {3,}\S.*(?:\n|\Z)(?:^E(?: {3}.*)?(?:\n|\Z))*", re.MULTILINE)
"""The lines that pytest marks as one error in a traceback; ESP-IDF's log has "E (1234) tag: "."""
_MARK = re.compile(r"^E(?= {3}|$)", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last)"
_MODULE = re.compile(r"^(?:[a-z_][a-z0-9_]*\.)+(?=[A-Z]\w*(?::|$))")
"""The module path in front of an exception's class."""


def cause(message: str) -> str:
    """Return in one line why a test failed.

    This is the first line of an exception's message; the rest are details, such as the end of the
    console or a panic's backtrace. If the first line ends in a colon, the last line is appended. In
    a whole traceback, the last error that pytest marked counts.
    """
    if marked := _ERROR.findall(message):
        message = _MARK.sub("", marked[-1])
    lines = [line.strip() for line in message.splitlines() if line.strip()] or [""]
    line = lines[-1 if lines[0].startswith(_TRACEBACK) else 0]
    if line.endswith(":") and line != lines[-1]:
        line = f"{line} {lines[-1]}"
    return short(_MODULE.sub("", line)) or "no reason given"


def short(line: str) -> str:
    """Return a line, truncated to `WIDEST` characters."""
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"


def state(device: Device) -> str:
    """Return a device's state in one line: its memory, and the last line of its console."""
    parts = []
    if device.panics:
        parts.append(f"panicked {device.panics[-1].at:.3f} s after its start")
    elif not device.running:
        parts.append("not running")
    if device.heap_samples:
        heap = device.heap_samples[-1].heap
        parts.append(
            f"heap {heap.free:,} of {heap.size:,} bytes free, low water {heap.low_water:,}"
        )
    last = last_line(device.console.text)
    parts.append(f"console: {short(last)}" if last else "nothing on its console")
    return f"{device.name}: {'; '.join(parts)}"


def last_line(text: str) -> str:
    """Return the last line that is neither empty nor MicroPython's prompt."""
    lines = (line.strip() for line in reversed(text.splitlines()[-50:]))
    return next((line for line in lines if line and line != ">>>"), "")


def failure_lines(
    name: str, reason: str, states: Sequence[str] = (), evidence: Sequence[str] = ()
) -> list[str]:
    """Return the lines about one failed test."""
    return [
        f"{name}: {reason}",
        *(f"    {line}" for line in states),
        *(f"    evidence: {folder}" for folder in evidence),
    ]
