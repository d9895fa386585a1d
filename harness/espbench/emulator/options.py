# SPDX-License-Identifier: MIT
"""`board_in`: the board in the emulator, and with the Wi-Fi network, that options name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from espbench.boards.board import Board
from espbench.boards.emulators import (
    EMULATOR_VARIABLE,
    ESP_EMU,
    WIFI_PASSWORD_VARIABLE,
    Wifi,
)
from espbench.boards.esp_emu import CHIPS, emulated
from espbench.emulator.espemu.network import network_of

__all__ = ["board_in"]


def board_in(
    board: Board,
    emulator: str | None,
    *,
    ssid: str | None,
    image: Path | None,
    environment: Mapping[str, str],
) -> Board:
    """Return a board in the emulator, and with the Wi-Fi network, that the user chose.

    Args:
        board: the board.
        emulator: what an option says; None or "": what the environment says.
        ssid: the network that an option names; None: the network is that of the image's build.
        image: ESP-IDF's build folder or an image, or None.
        environment: has `ESPBENCH_EMULATOR`, which boards that esp-emu cannot run ignore, and
            `ESPBENCH_WIFI_PASSWORD`; without it, the network that an option names is open.

    Raises:
        ConfigError: the emulator cannot run the board, or has no such network.
    """
    if not emulator:
        emulator = environment.get(EMULATOR_VARIABLE, "")
        if emulator == ESP_EMU and board.name not in CHIPS:
            emulator = ""
    wifi = None if ssid is None else Wifi(ssid, environment.get(WIFI_PASSWORD_VARIABLE, ""))
    board = emulated(board, emulator, wifi)
    if wifi is None and not board.in_qemu and image is not None:
        board = emulated(board, "", network_of(image))
    return board
