# SPDX-License-Identifier: MIT
"""Boards in Espressif's esp-emu: how a board differs from the same one in QEMU.

Source: the README of github.com/espressif/esp-emulator, as of esp-emu 0.49.0.
"""

from __future__ import annotations

from dataclasses import replace

from espbench.boards.board import Board
from espbench.boards.boot_media import FlashBoot
from espbench.boards.emulators import EMULATORS, ESP_EMU, QEMU, TITLES, Wifi
from espbench.errors import ConfigError
from espbench.util.listing import listing

__all__ = ["CHIPS", "INSTALLER", "PORTS", "PROGRAM", "emulated", "in_esp_emu"]

PROGRAM = "esp-emu"
LEAST = (0, 46, 0)
"""The first release whose documentation has the control channel (`--control-tcp`)."""
INSTALLER = "Espressif's installer (https://github.com/espressif/esp-emulator#install)"
CHIPS = {
    "esp32c3": "ESP32-C3 (RISC-V)",
    "esp32c6": "ESP32-C6 (RISC-V)",
    "esp32s3": "ESP32-S3 (LX7)",
}
"""The boards that esp-emu can run, with their titles."""
PSRAM = {"esp32s3": ("4M", "8M", "16M", "32M", "64M")}
"""Sizes for its `--psram-size`, by board."""
PORTS = (80, 443, 8080, 8443)
"""Guest ports to forward at the start: the likely ones, as later it is too late."""


def in_esp_emu(board: Board) -> Board:
    """Return a board as esp-emu runs it.

    What describes QEMU's machine goes: eFuses (esp-emu has its own), the second UART for control
    records, and the options. espbench's own firmware was never tried on it.

    Raises:
        ConfigError: esp-emu has no such chip.
    """
    if board.name not in CHIPS:
        raise ConfigError(
            f"esp-emu does not run board {board.name}: it runs {listing(CHIPS)}; for others, omit "
            "--emulator (pytest: --espbench-emulator)."
        )
    return replace(
        board,
        emulator=ESP_EMU,
        title=f"{CHIPS[board.name]}, Espressif's esp-emu",
        qemu=PROGRAM,
        qemu_least=LEAST,
        qemu_package=INSTALLER,
        espressif=None,
        handover=FlashBoot(),
        psram=PSRAM.get(board.name, ()),
        octal_psram=(),
        control_uart=None,
        kept_interrupts=None,
        also_forwarded=PORTS,
        own_firmware=False,
        spares=0,
        unrecordable="esp-emu cannot record",
        options=(),
        still_watchdogs=(),
    )


def emulated(board: Board, emulator: str, wifi: Wifi | None = None) -> Board:
    """Return a board in the chosen emulator, with the chosen Wi-Fi network.

    Args:
        board: the board.
        emulator: one of `EMULATORS`; "": the board's own.
        wifi: the network that it offers; None for its default.

    Raises:
        ConfigError: that emulator does not exist or cannot run the board, or has no Wi-Fi.
    """
    if emulator and emulator not in EMULATORS:
        raise ConfigError(
            f"Unknown emulator {emulator!r}: choose {listing(EMULATORS, 'or')} with --emulator "
            "(pytest: --espbench-emulator)."
        )
    if emulator == ESP_EMU and board.in_qemu:
        board = in_esp_emu(board)
    if emulator == QEMU and not board.in_qemu:
        raise ConfigError(
            f"{TITLES[QEMU]} does not run board {board.name}: omit --emulator (pytest: "
            "--espbench-emulator) for esp-emu, which does."
        )
    if wifi is None:
        return board
    if board.in_qemu:
        raise ConfigError(
            "QEMU emulates no Wi-Fi: add --emulator esp-emu (pytest: --espbench-emulator), which "
            f"runs {listing(CHIPS)}, or omit --wifi-ssid."
        )
    return replace(board, wifi=wifi)
