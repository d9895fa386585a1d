# SPDX-License-Identifier: MIT
"""Runs a program for its output, such as its version."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

__all__ = ["captured", "first_line", "output"]


def captured(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a program without input, and return its exit status and output.

    Raises:
        OSError: it cannot be run.
        subprocess.SubprocessError: it did not end in time.
    """
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def output(command: Sequence[str]) -> str:
    """Return a program's standard output, or "" if it cannot be run or does not end within 20 s."""
    try:
        return captured(command, 20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def first_line(command: Sequence[str]) -> str:
    """Return the first line of a program's output, or a remark that there was none."""
    return next(iter(output(command).splitlines()), "unknown version")
