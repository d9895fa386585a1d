# SPDX-License-Identifier: MIT
"""What the doctor finds: one thing looked at, and how to get it when it is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "later", "optional"]
"""`later` is not there yet, and comes by itself; `optional` is missing for a board that may be."""


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
