# SPDX-License-Identifier: MIT
"""How a check ends early: `CheckFailed` and `NotApplicable`."""

from __future__ import annotations

from pathlib import Path

from espbench.check.result import Severity

__all__ = ["CheckFailed", "NotApplicable"]


class CheckFailed(Exception):
    """The device does not do what the check asks for.

    Attributes:
        severity: what it means, if not what the check says.
        console: what a further device printed, if the failure is about that (see `Booter.booted`).
        evidence: the folder with that device's evidence, or None.
    """

    def __init__(self, sentence: str, severity: Severity | None = None) -> None:
        super().__init__(sentence)
        self.severity = severity
        self.console: str | None = None
        self.evidence: Path | None = None


class NotApplicable(Exception):
    """The device has nothing that the check could ask; the message says why."""
