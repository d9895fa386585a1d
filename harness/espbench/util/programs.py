# SPDX-License-Identifier: MIT
"""Runs a program for its version: the first line that it prints."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

__all__ = ["first_line", "output"]


def output(command: Sequence[str]) -> str:
    """Return what a program prints; nothing when it fails to start or to end."""
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
    """Return the first line that a program prints."""
    return next(iter(output(command).splitlines()), "it does not say its version")
