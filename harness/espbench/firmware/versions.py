# SPDX-License-Identifier: MIT
"""The versions of everything in a run: QEMU, compiler, firmware, espbench, Python."""

from __future__ import annotations

import sys
from pathlib import Path

from espbench.boards.board import Board
from espbench.firmware.build import builder_of
from espbench.firmware.download import sha256_of
from espbench.flash.software import software
from espbench.qemu.discovery import find_qemu
from espbench.qemu.process import check_version, dotted, qemu_version
from espbench.util.version import __version__

__all__ = ["versions"]


def versions(board: Board, firmware: Path) -> dict[str, str]:
    """Return the versions for the report.

    Raises:
        EspbenchError: QEMU is missing or too old.
    """
    program = find_qemu(board)
    qemu = qemu_version(program)
    check_version(board, program, qemu)
    return {
        "board": f"{board.name}: {board.title}",
        "QEMU": dotted(qemu),
        "compiler": builder_of(board).compiler(board),
        **software(firmware),
        "firmware": str(firmware),
        "firmware sha256": sha256_of(firmware),
        "espbench": __version__,
        "Python": sys.version.split()[0],
    }
