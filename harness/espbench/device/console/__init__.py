# SPDX-License-Identifier: MIT
"""The guest's console: its serial line, its output, and the control records within that."""

from espbench.device.console.console import INTERRUPT, Console, Transcript
from espbench.device.console.control import Control, ControlClient

__all__ = ["INTERRUPT", "Console", "Control", "ControlClient", "Transcript"]
