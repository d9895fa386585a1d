# SPDX-License-Identifier: MIT
"""Turns a session's options, ini settings and markers into options of `Device`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from espbench.boards.board import Board
from espbench.boards.builtin import LX60, board_named
from espbench.boards.firmware_options import files_in, parse_ports, parse_readiness
from espbench.check.target.found import FoundReadiness
from espbench.check.target.image import board_by_chip
from espbench.emulator.options import board_in
from espbench.errors import ConfigError
from espbench.flash.merged_image import image_of
from espbench.plugin.gdb import debugging
from espbench.plugin.options import setting
from espbench.prefetch.predictor import Options
from espbench.recording.recorder import check as check_recordable

_NAMED = pytest.StashKey[Path | None]()
_FOUND = pytest.StashKey[FoundReadiness]()


def parse_pool(text: str, board: Board, free: int) -> int:
    """Return the number of devices to boot ahead; the default depends on board and host.

    Args:
        text: the value of the option, or "".
        board: the board that boots.
        free: the number of cores without a worker.

    Raises:
        ConfigError: the text is not a number.
    """
    if not board.in_qemu:  # a spare device is paused, which QEMU alone can do
        return 0
    if not text:
        return min(board.spares, free)
    if not text.isdecimal():
        raise ConfigError(
            f"--espbench-pool: {text!r} is not a number of devices: write 0, 1 or more."
        )
    return int(text)


def promised_schemes(config: pytest.Config) -> set[str]:
    """Return the schemes that the firmware serves according to options or ini settings."""
    ports = setting(config, "--espbench-ports", "espbench_ports")
    by_ready = (
        {"http"} if setting(config, "--espbench-ready-http", "espbench_ready_http") else set()
    )
    return by_ready | set(parse_ports(ports, "--espbench-ports") if ports else ())


def common(config: pytest.Config) -> dict[str, Any]:
    """Return the options of every device in this session."""
    options: dict[str, Any] = {"ready_timeout": config.getoption("--espbench-ready-timeout")}
    if ports := setting(config, "--espbench-ports", "espbench_ports"):
        options["ports"] = parse_ports(ports, "--espbench-ports")
    ready = parse_readiness(
        setting(config, "--espbench-ready-console", "espbench_ready_console"),
        setting(config, "--espbench-ready-http", "espbench_ready_http"),
        prefix="--espbench-",
    )
    if ready is not None:
        options["ready"] = ready
    elif named_firmware(config) is not None:
        # One object for the session: what was found on a device is tried first on the next one.
        options["ready"] = config.stash.setdefault(_FOUND, FoundReadiness())
    if folder := setting(config, "--espbench-files", "espbench_files"):
        options["files"] = files_in(config.rootpath / folder, "--espbench-files")
    if label := setting(config, "--espbench-files-partition", "espbench_files_partition"):
        options["files_partition"] = label
    if elf := config.getoption("--espbench-firmware-elf"):
        options["elf"] = path(config, elf)
    options["capture"] = options["watch_heap"] = config.getoption("--espbench-evidence") != "never"
    if (offer := debugging(config)) is not None:
        options["debugging"] = offer
    if _records(config):
        check_recordable(chosen_board(config))
        options["record"] = True
    return options


def redacts(config: pytest.Config) -> bool:
    """Return whether evidence leaves out the device's lasting secrets.

    Raises:
        ConfigError: recordings, which need these, are kept as well; or the ini setting is wrong.
    """
    text = str(config.getini("espbench_redact")).lower()
    if text not in ("", "true", "false"):
        raise ConfigError(f"espbench_redact is {text!r}: write true or false.")
    wanted = bool(config.getoption("--espbench-redact")) or text == "true"
    if wanted and _records(config):
        raise ConfigError(
            "A recording has the flash image and the boot arguments: omit --espbench-record or "
            "--espbench-redact."
        )
    return wanted


def _records(config: pytest.Config) -> bool:
    return bool(config.getoption("--espbench-record") != "never")


def path(config: pytest.Config, text: str) -> Path:
    """Return a path from the command line, relative to the folder where pytest was started."""
    return config.invocation_params.dir / text


def chosen_board(config: pytest.Config) -> Board:
    """Return the board that options or ini settings name, or else that of the firmware's chip.

    Raises:
        ConfigError: the board is unknown, or its emulator cannot run it.
    """
    firmware = named_firmware(config)
    if name := setting(config, "--espbench-board", "espbench_board"):
        board = board_named(name)
    else:
        board = LX60 if firmware is None else (board_by_chip(firmware) or LX60)
    return board_in(
        board,
        setting(config, "--espbench-emulator", "espbench_emulator"),
        ssid=config.getoption("--espbench-wifi-ssid"),
        image=_firmware_setting(config),
        environment=os.environ,
    )


def chosen_firmware(config: pytest.Config, board: Board) -> Path:
    """Return the firmware that options or ini settings name, or else build espbench's own."""
    if named := named_firmware(config):
        return named
    from espbench.firmware.build import firmware as build

    return build(board)


def named_firmware(config: pytest.Config) -> Path | None:
    """Return the firmware that options or ini settings name, or None for espbench's own.

    Raises:
        EspbenchError: they name a folder of which no image can be made.
    """
    if _NAMED not in config.stash:
        named = _firmware_setting(config)
        config.stash[_NAMED] = None if named is None else image_of(named)
    return config.stash[_NAMED]


def _firmware_setting(config: pytest.Config) -> Path | None:
    """Return the image or build folder that options or ini settings name."""
    if text := config.getoption("--espbench-firmware"):
        return path(config, text)
    if text := config.getini("espbench_firmware"):
        return config.rootpath / str(text)
    return None


def marked(node: pytest.Item | pytest.Collector) -> list[Options]:
    """Return the options of the `device` markers, outermost first."""
    markers = list(node.iter_markers("device"))
    for marker in markers:
        if marker.args:
            raise pytest.UsageError(
                "pytest.mark.device takes keyword arguments only, such as "
                "files={'/main.py': 'print(1)'}."
            )
    return [marker.kwargs for marker in reversed(markers)]
