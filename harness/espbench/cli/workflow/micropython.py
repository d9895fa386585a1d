# SPDX-License-Identifier: MIT
"""Finds out how MicroPython's esp32 port is built, from the board of its last build."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from espbench.cli.workflow.cmake_cache import caches_of, inside
from espbench.cli.workflow.esp_idf import active_idf, is_esp_idf
from espbench.cli.workflow.found import FirmwareProject, at, idf_of, text_of
from espbench.cli.workflow.images import idf_in, images_in
from espbench.util.listing import listing

__all__ = ["micropython_project", "port_in"]

PORT = "ports/esp32"
"""Where MicroPython's sources have the port."""
GENERIC: Mapping[str, str] = {
    "esp32": "ESP32_GENERIC",
    "esp32c3": "ESP32_GENERIC_C3",
    "esp32s3": "ESP32_GENERIC_S3",
}
"""The board to build where no build shows which, by chip; the first is the Makefile's default."""
FILES: Mapping[str, str] = {
    "BOARD_DIR": "MICROPY_BOARD_DIR",
    "USER_C_MODULES": "USER_C_MODULES",
    "FROZEN_MANIFEST": "MICROPY_FROZEN_MANIFEST",
}
"""CMake's variables with a path, by the Makefile's (ports/esp32/Makefile)."""

_BOARD = re.compile(r"^\s*set\(MICROPY_BOARD\b", re.M)


def port_in(folder: Path) -> Path | None:
    """Return the port's folder, if a folder is that or has MicroPython's sources; else None."""
    for port in (folder, folder / PORT):
        if is_esp_idf(port) and _BOARD.search(text_of(port / "CMakeLists.txt")):
            return port
    return None


def micropython_project(port: Path, root: Path, chip: str) -> FirmwareProject:
    """Return how the port is built: as it was last time, or else for the usual board.

    Args:
        port: the port's folder.
        root: its repository.
        chip: the chip to build for; "" for any.
    """
    built = [each for each in caches_of(port) if not chip or each[1].get("IDF_TARGET") == chip]
    folder, last = built[0] if built else (None, {})
    board, variant = last.get("MICROPY_BOARD", ""), last.get("MICROPY_BOARD_VARIANT", "")
    image = next(iter(images_in(port, (chip,) if chip else tuple(GENERIC))), None)
    if folder is None and image is not None:
        folder = image if image.is_dir() else image.parent
        board = folder.name.removeprefix("build-")
    known = board and (bool(last) or (port / "boards" / board).is_dir())
    if not known:
        folder, board = None, GENERIC.get(chip) or GENERIC["esp32"]
    usual = "-".join(part for part in ("build", board, variant) if part)
    where = at(port, root)
    command = ["make", *(["-C", shlex.quote(where)] if where else []), f"BOARD={board}"]
    command += [f"BOARD_VARIANT={variant}"] if variant else []
    if folder is not None and folder.name != usual:
        command.append(f"BUILD={shlex.quote(folder.name)}")
    lost = []
    for name, variable in FILES.items():
        text = last.get(variable, "")
        if not text or (name == "BOARD_DIR" and Path(text) == port.resolve() / "boards" / board):
            continue
        path = inside(text, port, root)
        lost += [] if path else [text]
        # CMake reads some of these relative to other folders than the Makefile's.
        command += [f'{name}="$PWD/{path}"'] if path else []
    made = at(port, root, f"{folder.name if folder else usual}/firmware.bin")
    remark = f"makes {made}" if known else f"no build shows your board: is it {board}?"
    if lost:
        remark = f"your last build read {listing(lost)}, too: add what it needs to the repository"
    return FirmwareProject(
        f"MicroPython's esp32 port with the board {board}",
        made,
        " ".join(command),
        remark,
        sure=bool(known) and not lost,
        folder=where,
        idf=idf_of([folder] if folder else []) or (idf_in(image) if image else "") or active_idf(),
    )
