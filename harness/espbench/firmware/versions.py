# SPDX-License-Identifier: MIT
"""The versions of everything in a run: emulator, compiler, firmware, espbench, Python."""

from __future__ import annotations

import sys
from pathlib import Path

from espbench.boards.board import Board
from espbench.boards.emulators import TITLES
from espbench.emulator.choice import find_emulator, found_version
from espbench.firmware.build import builder_of
from espbench.firmware.download import sha256_of
from espbench.flash.software import software
from espbench.qemu.process import dotted
from espbench.util.version import __version__

__all__ = ["versions"]


def versions(board: Board, firmware: Path) -> dict[str, str]:
    """Return the versions for the report.

    Raises:
        EspbenchError: the emulator is missing or too old.
    """
    version = found_version(board, find_emulator(board))
    return {
        "board": f"{board.name}: {board.title}",
        TITLES[board.emulator]: dotted(version),
        "compiler": builder_of(board).compiler(board),
        **software(firmware),
        "firmware": str(firmware),
        "firmware sha256": sha256_of(firmware),
        "espbench": __version__,
        "Python": sys.version.split()[0],
    }
