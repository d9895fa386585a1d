# SPDX-License-Identifier: MIT
"""Chooses a board's emulator: finds it, reads its version, and makes a process of it."""

from __future__ import annotations

from pathlib import Path

from espbench.boards.board import Board
from espbench.emulator.espemu import command as esp_emu
from espbench.emulator.espemu.discovery import esp_emu_version, find_esp_emu
from espbench.emulator.espemu.process import EspEmu
from espbench.emulator.interface import Emulator
from espbench.errors import ConfigError
from espbench.qemu.process import (
    Machine,
    Qemu,
    Wires,
    check_version,
    command_line,
    find_qemu,
    qemu_version,
)

__all__ = [
    "check_supported",
    "emulator_of",
    "emulator_version",
    "find_emulator",
    "found_version",
    "terminal_command",
]

SHOWN = 10_000
"""What is added to a guest port for the host port in a command to paste."""


def check_supported(board: Board, *, debugging: bool, subnet: str | None) -> None:
    """Check that the board's emulator can do what a device asks for.

    Args:
        board: the board.
        debugging: whether to offer the device to gdb.
        subnet: the guest's network; None for the emulator's own.

    Raises:
        ConfigError: it cannot.
    """
    if board.in_qemu:
        return
    if debugging:
        raise ConfigError(
            "espbench does not connect gdb to esp-emu: omit --gdb (pytest: --espbench-gdb), or "
            "start esp-emu by hand with its option --gdb."
        )
    if subnet is not None:
        raise ConfigError(
            f"The guest's network in esp-emu is always that of {esp_emu.GUEST}: omit subnet."
        )


def emulator_of(machine: Machine, folder: Path) -> Emulator:
    """Return the process that will emulate a machine; it is not started.

    Args:
        machine: the machine.
        folder: folder for the emulator's standard error.

    Raises:
        QemuError: the emulator is not installed.
    """
    return Qemu(machine, folder) if machine.board.in_qemu else EspEmu(machine, folder)


def find_emulator(board: Board) -> str:
    """Return the path of the board's emulator.

    Raises:
        QemuError: it is not installed, or cannot start.
    """
    return find_qemu(board) if board.in_qemu else find_esp_emu()


def emulator_version(board: Board, program: str) -> tuple[int, int, int]:
    """Return the version of the board's emulator.

    Raises:
        QemuError: it cannot be run or prints no version.
    """
    return qemu_version(program) if board.in_qemu else esp_emu_version(program)


def found_version(board: Board, program: str) -> tuple[int, int, int]:
    """Return the version of the board's emulator, which is new enough.

    Raises:
        QemuError: it cannot be run, prints no version, or is too old.
    """
    version = emulator_version(board, program)
    check_version(board, program, version)
    return version


def terminal_command(machine: Machine, program: str) -> list[str]:
    """Return the command that emulates a machine in a terminal, without changing its files."""
    if machine.board.in_qemu:
        return [*command_line(machine, Wires.terminal(), program=program), "-snapshot"]
    ports = {port: SHOWN + port % SHOWN for port in machine.forwards}
    return esp_emu.command_line(machine, ports, program=program)
