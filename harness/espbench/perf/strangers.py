# SPDX-License-Identifier: MIT
"""Somebody else's firmware: whether it can be asked for anything."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.device.device import Device
from espbench.errors import ControlError, ControlTimeout

PATIENCE = 2.0
"""Seconds (scaled) for an answer; a bench's firmware takes milliseconds."""
SILENT = (
    "The firmware came up, and does not answer on the control channel, which espbench's module "
    "bench brings: only its image can be measured."
)


def silence(board: Board, firmware: Path, options: Mapping[str, Any]) -> str:
    """Boot until it is ready; return why it can be asked for nothing, or "".

    Raises:
        EspbenchError: it does not become ready, panics or dies.
    """
    with Device(board, firmware, **options) as device:
        if device.control.seen:
            return ""
        try:
            device.ping(PATIENCE)
        except (ControlError, ControlTimeout):
            device.check()
            return SILENT
    return ""
