# SPDX-License-Identifier: MIT
"""How a terminal shows each outcome."""

from __future__ import annotations

from espbench.check.result import Outcome

__all__ = ["STYLES"]

STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.OBSERVED: "cyan",
    Outcome.NOT_APPLICABLE: "dim",
    Outcome.ERROR: "bold magenta",
}
