# SPDX-License-Identifier: MIT
"""The board of an image, and the paths in it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from espbench.check.target.image import MOST, board_of, paths_in
from espbench.errors import ConfigError


def merged_image(chip: int, at: int) -> bytes:
    """Return the beginning of a merged image with a bootloader at an offset."""
    return b"\xff" * at + b"\xe9" + bytes(11) + struct.pack("<H", chip) + bytes(0x2000)


@pytest.mark.parametrize(
    ("content", "board"),
    [
        (merged_image(0, 0x1000), "esp32"),
        (merged_image(5, 0), "esp32c3"),
        (merged_image(9, 0), "esp32s3"),
        (b"\x7fELF" + bytes(100), "lx60"),
    ],
)
def test_board(content: bytes, board: str, tmp_path: Path) -> None:
    """The chip's ID in the bootloader's header tells the board."""
    path = tmp_path / "merged.bin"
    path.write_bytes(content)
    assert board_of(path).name == board


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (merged_image(16, 0), "for the chip esp32h2, which espbench does not emulate"),
        (merged_image(99, 0), "for the chip with the ID 99"),
        (b"", "not a firmware image: give ESP-IDF's build folder"),
        (b"\xe9", "not a firmware image"),
        (b"hello" * 1000, "not a firmware image"),
    ],
)
def test_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """An image for another chip, or none at all, is one sentence."""
    path = tmp_path / "merged.bin"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        board_of(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        board_of(tmp_path / "none.bin")


def test_paths() -> None:
    """Strings that look like paths are found, likely ones first; source files are not."""
    blob = b"\0/upload\0/IDF/main/app.c\0/ws\0/dev/uart\0x/y\0/files/*\0'/api/led'\0/\0"
    assert paths_in([blob]) == ["/ws", "/api/led", "/upload", "/files/"]
    many = b"".join(b"\0/p%d\0" % number for number in range(100))
    assert len(paths_in([many])) == MOST
