# SPDX-License-Identifier: MIT
"""Images for the stand-in of esp-emu: what the firmware does is a script in the image."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

from esp_emu_stand_in import CHIPS, SCRIPT
from tiny_esp32 import loadable, merged
from tiny_esp32c3 import CODE, IRAM, TEXT_AT

__all__ = ["image_for", "installed"]

STAND_IN = Path(__file__).with_name("esp_emu_stand_in.py")


def image_for(chip: str, **script: Any) -> bytes:
    """Return a merged image whose firmware follows a script in the stand-in.

    Args:
        chip: such as "esp32c6".
        script: `ssid` and `password` of the network that it joins (default: none), `port` on which
            it serves HTTP then (default: 80), `panics` (whether it panics instead).
    """
    text = SCRIPT + json.dumps(script).encode() + b"\0"
    return merged(loadable({IRAM: CODE, TEXT_AT: text.ljust(0x400, b"\0")}, IRAM, CHIPS[chip]))


def installed(folder: Path, version: str = "") -> Path:
    """Install the stand-in as a program `esp-emu` in a folder for PATH, and return its path.

    Args:
        folder: the folder.
        version: what `esp-emu --version` says; "" for that of the documentation.
    """
    folder.mkdir(exist_ok=True)
    program = folder / "esp-emu"
    said = f"STAND_IN_VERSION={version} " if version else ""
    program.write_text(f'#!/bin/sh\n{said}exec {sys.executable} {STAND_IN} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert os.access(program, os.X_OK)
    return program
