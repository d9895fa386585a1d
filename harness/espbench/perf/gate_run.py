# SPDX-License-Identifier: MIT
"""Shared by `espbench measure` and `espbench gate`: versions, and unavailable figures."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.device.firmware_file import elf_of
from espbench.firmware import versions as involved
from espbench.perf import toolchain
from espbench.perf.metrics import Reading

LOCAL = ("firmware", "Python")
"""Versions that differ between machines without affecting figures."""


def versions(board: Board, firmware: Path, elf: Path | None = None) -> dict[str, str]:
    """Return the versions that figures may depend on.

    Args:
        board, firmware: the measured board and firmware.
        elf: the firmware's ELF file; None to look beside the firmware.
    """
    known = involved.versions(board, firmware)
    kept = {name: text for name, text in known.items() if name not in LOCAL}
    # The firmware may have been built with another compiler than the installed one.
    made_by = toolchain.compiler_of(elf or elf_of(firmware))
    if made_by and toolchain.compiler_in(kept["compiler"]) != made_by:
        kept["compiler"] = made_by
    return {**kept, "tlslite-ng": importlib.metadata.version("tlslite-ng")}


def unavailable(readings: Sequence[Reading]) -> list[str]:
    """Return a line for each unavailable figure, or one for all with the same reason."""
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
    """Return JSON text for a file."""
    return json.dumps(data, indent=1, sort_keys=True) + "\n"
