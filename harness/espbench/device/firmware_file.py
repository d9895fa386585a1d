# SPDX-License-Identifier: MIT
"""Checks the file that a device boots, and finds its symbols."""

from __future__ import annotations

from pathlib import Path

from espbench.boards.board import Board
from espbench.errors import ConfigError

__all__ = ["check_firmware", "elf_of", "state_of"]


def check_firmware(board: Board, firmware: Path) -> None:
    """Check that the firmware exists, and that the board can run it.

    Raises:
        ConfigError: it does not exist, or the board cannot run it.
    """
    if not firmware.is_file():
        what = "is not a file" if firmware.exists() else "does not exist"
        raise ConfigError(
            f"The firmware {firmware} {what}: name one with --firmware (pytest: "
            "--espbench-firmware), or omit that option to build espbench's own."
        )
    if flaw := board.handover.flaw(firmware):
        raise ConfigError(
            f"Board {board.name} cannot run the firmware {firmware}: {flaw}. Copy or build it "
            f"again (`espbench build --board {board.name}` builds espbench's own)."
        )


def elf_of(firmware: Path) -> Path:
    """Return the file with a firmware's debugging information: its .elf sibling, or itself."""
    sibling = firmware.with_suffix(".elf")
    return sibling if sibling.is_file() else firmware


def state_of(path: Path) -> tuple[Path, int, int, int]:
    """Return values that change when a file is replaced or written to.

    Raises:
        OSError: it is gone.
    """
    found = path.stat()
    return path.absolute(), found.st_ino, found.st_size, found.st_mtime_ns
