"""What the doctor finds: one thing looked at, and how to get it when it is missing."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "later", "optional"]
"""`later` is not there yet, and comes by itself; `optional` is missing for a board that may be."""


APT = "apt-get install --no-install-recommends"
"""What installs Debian's packages, without the 850 MB that these recommend."""


def apt(*packages: str) -> str:
    """Return the line that installs Debian's packages."""
    return " ".join([APT, *packages])


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        board: for which board it is needed, or "all".
        subject: what was looked for.
        state: whether it is there.
        found: what was found.
        remedy: what to do when it is missing, else "".
    """

    board: str
    subject: str
    state: State
    found: str
    remedy: str = ""


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
