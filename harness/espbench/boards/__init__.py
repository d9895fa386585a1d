# SPDX-License-Identifier: MIT
"""The boards as data: machine, memory, flash, and how the firmware is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espbench.util.renamed import renamed

if not TYPE_CHECKING:
    __getattr__ = renamed(
        __name__,
        {
            "BOARDS": "espbench.boards.builtin.BOARDS",
            "Board": "espbench.boards.board.Board",
            "ESP32": "espbench.boards.builtin.ESP32",
            "ESP32C3": "espbench.boards.builtin.ESP32C3",
            "ESP32S3": "espbench.boards.builtin.ESP32S3",
            "ESP_FLASH": "espbench.boards.builtin.ESP_FLASH",
            "LX60": "espbench.boards.builtin.LX60",
            "QEMU_RISCV32": "espbench.boards.builtin.QEMU_RISCV32",
            "QEMU_XTENSA": "espbench.boards.builtin.QEMU_XTENSA",
            "board_named": "espbench.boards.builtin.board_named",
        },
    )
