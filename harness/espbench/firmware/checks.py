# SPDX-License-Identifier: MIT
"""`Finding`: the result of one of the doctor's checks, with the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Purpose = Literal["boot", "build"]
"""What a subject is needed for: to boot an image, or only to build espbench's own firmware."""

State = Literal["ok", "missing", "later", "optional"]
"""`later` will be fetched when needed; `optional` is missing, but only for an optional board."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        board: the board that needs the subject, or "all".
        subject: the tool, file or setting that was checked.
        state: whether it is present.
        found: its version or path, or what is wrong with it.
        remedy: how to get it if it is missing, else "".
        purpose: what it is needed for.
    """

    board: str
    subject: str
    state: State
    found: str
    remedy: str = ""
    purpose: Purpose = "boot"
