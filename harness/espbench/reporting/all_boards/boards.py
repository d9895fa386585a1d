# SPDX-License-Identifier: MIT
"""Selects the boards that can be tested on this machine, with reasons for the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS, board_named
from espbench.errors import ConfigError, EspbenchError
from espbench.firmware.build import builder_of
from espbench.qemu.discovery import find_qemu

VARIABLE = "ESPBENCH_BOARDS"
"""Comma-separated names of the boards to test, all of which must be testable."""


def chosen(environment: Mapping[str, str]) -> list[Board]:
    """Return the boards that the environment chooses, if any.

    Raises:
        ConfigError: a board does not exist.
    """
    names = [name.strip() for name in environment.get(VARIABLE, "").split(",")]
    return [board_named(name) for name in dict.fromkeys(names) if name]


def absence(board: Board, root: Path) -> str:
    """Return why a board cannot be tested with the firmware sources in `root`, or ""."""
    builder = builder_of(board)
    try:
        find_qemu(board)
        builder.job(board, root, None)
        builder.check_tools(board)
    except EspbenchError as error:
        return str(error)
    return ""


def select(
    wanted: Sequence[Board], absent: Mapping[str, str]
) -> tuple[list[Board], dict[str, str]]:
    """Return the boards to test, and the reasons for omitting the others; pure.

    Args:
        wanted: the boards that the user chose; empty for all testable ones.
        absent: why boards cannot be tested, by name.

    Raises:
        ConfigError: a board that the user chose cannot be tested.
    """
    for board in wanted:
        if board.name in absent:
            raise ConfigError(
                f"{VARIABLE} asks for board {board.name}, which cannot be tested here: "
                f"{absent[board.name]}"
            )
    boards = list(wanted) or [b for b in BOARDS.values() if b.name not in absent]
    left = {
        name: absent.get(name) or f"{VARIABLE} does not name it."
        for name in BOARDS
        if name not in [board.name for board in boards]
    }
    return boards, left
