# SPDX-License-Identifier: MIT
"""The file that a device boots: whether its board can run it, and where its symbols are."""

from __future__ import annotations

from pathlib import Path

from espbench.boards.board import Board
from espbench.errors import ConfigError

__all__ = ["check_firmware", "elf_of", "state_of"]


def check_firmware(board: Board, firmware: Path) -> None:
    """Check that there is a firmware, and that the board can run it.

    Raises:
        ConfigError: it cannot.
    """
    if not firmware.is_file():
        what = "is not a file" if firmware.exists() else "does not exist"
        raise ConfigError(
            f"The firmware {firmware} {what}: name one with --firmware (pytest: "
            "--espbench-firmware), or leave that option out to build espbench's own."
        )
    if flaw := board.handover.flaw(firmware):
        raise ConfigError(
            f"Board {board.name} cannot run the firmware {firmware}: {flaw}. Copy or build it "
            f"again (`espbench build --board {board.name}` makes espbench's own)."
        )


def elf_of(firmware: Path) -> Path:
    """Return the file with debugging information of a firmware: itself, or its sibling."""
    sibling = firmware.with_suffix(".elf")
    return sibling if sibling.is_file() else firmware


def state_of(path: Path) -> tuple[Path, int, int, int]:
    """Return what tells a file from another, or from itself before it was written to.

    Raises:
        OSError: it is gone.
    """
    found = path.stat()
    return path.absolute(), found.st_ino, found.st_size, found.st_mtime_ns
