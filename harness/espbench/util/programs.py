# SPDX-License-Identifier: MIT
"""Runs a program for its output, such as its version."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

__all__ = ["first_line", "output"]


def output(command: Sequence[str]) -> str:
    """Return a program's standard output, or "" if it cannot be run or does not end within 20 s."""
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout


def first_line(command: Sequence[str]) -> str:
    """Return the first line of a program's output, or a remark that there was none."""
    return next(iter(output(command).splitlines()), "unknown version")
