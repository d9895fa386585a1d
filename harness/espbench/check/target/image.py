# SPDX-License-Identifier: MIT
"""Finds out which board a firmware image is for, and which URL paths it may serve."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from espbench.boards.board import Board
from espbench.boards.builtin import ALL_BOARDS, LX60
from espbench.errors import ConfigError
from espbench.flash.app_image import chip_of

__all__ = ["board_by_chip", "board_of", "paths_in"]

ELF_MAGIC = b"\x7fELF"
MOST = 40
"""Paths to try at most."""

_STRING = re.compile(
    rb"(?<=[\0\"'])(/[A-Za-z0-9_.~*-]{0,24}(?:/[A-Za-z0-9_.~*-]{1,24}){0,3})(?=[\0\"'])"
)
_NO_URL = re.compile(r"\.(c|cc|cpp|h|hpp|py|mpy|S|o|a|ld)$|^/(IDF|dev|lib|proc|tmp|usr|home)\b")
_LIKELY = ("ws", "echo", "hello", "index", "api", "status", "info")


def board_of(image: Path) -> Board:
    """Return the board that a firmware image is for.

    Raises:
        ConfigError: the image does not exist, or is for no board that can be emulated.
    """
    try:
        chip = _chip(image)
    except OSError as error:
        raise ConfigError(f"The firmware {image} cannot be read: {error.strerror}.") from None
    if chip in ALL_BOARDS:
        return ALL_BOARDS[chip]
    if chip:
        raise ConfigError(
            f"{image} is for the chip {chip}, which espbench does not emulate: it emulates "
            f"{', '.join(ALL_BOARDS)}."
        )
    raise ConfigError(
        f"{image} is not a firmware image: give ESP-IDF's build folder, or a merged image, which "
        "`idf.py merge-bin` or `esptool merge-bin` makes of bootloader, partition table and "
        "application."
    )


def board_by_chip(image: Path) -> Board | None:
    """Return the board that an image is for; None if it is none, or for another chip."""
    try:
        return ALL_BOARDS.get(_chip(image))
    except OSError:
        return None


def _chip(image: Path) -> str:
    """Return the board or chip that an image is for; "" if it is not an image."""
    with image.open("rb") as file:
        blob = file.read(0x1000 + 24)
    if blob.startswith(ELF_MAGIC):
        return LX60.name
    return chip_of(blob)


def paths_in(blobs: Iterable[bytes]) -> list[str]:
    """Return strings that look like URL paths, the likely ones first, `MOST` at most."""
    found: dict[str, None] = {}
    for blob in blobs:
        for match in _STRING.finditer(blob):
            path = match[1].decode().rstrip("*")
            if len(path) > 1 and not _NO_URL.search(path):
                found.setdefault(path)
    ranked = sorted(found, key=lambda path: (not any(w in path for w in _LIKELY), path.count("/")))
    return ranked[:MOST]
