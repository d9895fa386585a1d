# SPDX-License-Identifier: MIT
"""Which builder builds a board's firmware."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espbench.boards.backends import IdfBackend
from espbench.boards.board import Board

if TYPE_CHECKING:
    from espbench.firmware.build import Builder

__all__ = ["builder_of"]


def builder_of(board: Board) -> Builder:
    """Return what builds a board's firmware."""
    # Imported here: a board needs only one of them.
    if isinstance(board.backend, IdfBackend):
        from espbench.firmware.idf_backend import IdfBuilder

        return IdfBuilder(board.backend)
    from espbench.firmware.make_backend import MakeBuilder

    return MakeBuilder()
