# SPDX-License-Identifier: MIT
"""The guest's console: its serial line, what it printed, and the control records among that."""

from espbench.device.console.console import INTERRUPT, Console, Transcript
from espbench.device.console.control import Control, ControlClient

__all__ = ["INTERRUPT", "Console", "Control", "ControlClient", "Transcript"]
