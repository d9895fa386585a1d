# SPDX-License-Identifier: MIT
"""Which PSRAM a firmware drives, and that its device gets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.flash.psram import psram_of
from tiny_esp32 import tiny_esp32

TAGS = [
    (b"esp_psram\0quad_psram\0", "quad"),
    (b"\0octal_psram\0", "octal"),
    (b"\0spiram\0", "quad"),
    (b"\0opi psram\0", "octal"),
    (b"\0esp_psram\0CONFIG_SPIRAM\0a quad_psram\0", ""),
    (b"", ""),
]


@pytest.mark.parametrize(("strings", "kind"), TAGS)
def test_kind(strings: bytes, kind: str) -> None:
    """The log tag of ESP-IDF's driver says which PSRAM it drives."""
    assert psram_of(b"\xe9" + strings + b"\xff") == kind


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return a firmware for an ESP32, without a driver for PSRAM."""
    path = tmp_path / "firmware.bin"
    path.write_bytes(tiny_esp32(b"", b""))
    return path


def drives(image: Path, tag: bytes) -> Path:
    """Put a driver's log tag into a firmware."""
    image.write_bytes(image.read_bytes() + b"\0" + tag + b"\0")
    return image


def test_device(image: Path) -> None:
    """A device has PSRAM if its firmware drives some, or on request."""
    assert Device("esp32", image).board == BOARDS["esp32"]
    assert Device("esp32", image, psram="2M").board.ram == "2M"
    drives(image, b"quad_psram")
    assert Device("esp32", image).board == BOARDS["esp32"].with_psram("4M")
    assert Device("esp32", image, psram="2M").board.ram == "2M"
