# SPDX-License-Identifier: MIT
"""What `espbench measure` and `espbench gate` share: versions, and figures that are unavailable."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.device.firmware_file import elf_of
from espbench.firmware import toolchain
from espbench.firmware import versions as involved
from espbench.perf.metrics import Reading

LOCAL = ("firmware", "Python")
"""What differs between machines that measure the same."""


def versions(board: Board, firmware: Path, elf: Path | None = None) -> dict[str, str]:
    """Return what took part, as far as figures may depend on it.

    Args:
        board, firmware: what was measured.
        elf: of the firmware; None looks beside it.
    """
    known = involved.versions(board, firmware)
    kept = {name: text for name, text in known.items() if name not in LOCAL}
    # The compiler that is installed need not be the one that made the firmware.
    made_by = toolchain.compiler_of(elf or elf_of(firmware))
    if made_by and toolchain.compiler_in(kept["compiler"]) != made_by:
        kept["compiler"] = made_by
    return {**kept, "tlslite-ng": importlib.metadata.version("tlslite-ng")}


def unavailable(readings: Sequence[Reading]) -> list[str]:
    """Return a line for each figure that is not there, or one for all with the same reason."""
    found: dict[str, list[str]] = {}
    for reading in readings:
        if reading.reason:
            found.setdefault(reading.reason, []).append(reading.kind.title)
    return [
        f"{len(titles)} figures are not available: {reason}"
        if len(titles) > 1
        else f"{titles[0]}: {reason}"
        for reason, titles in found.items()
    ]


def dumps(data: Mapping[str, Any]) -> str:
    """Return JSON as it is written into files."""
    return json.dumps(data, indent=1, sort_keys=True) + "\n"
