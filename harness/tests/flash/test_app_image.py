# SPDX-License-Identifier: MIT
"""The check of an application image agrees with esptool."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.flash.app_image import flaw
from tiny_esp32 import loadable

esptool = pytest.importorskip("esptool")
bin_image = pytest.importorskip("esptool.bin_image")
CODE = loadable({0x40080000: b"code" * 10, 0x3F400020: b"more"}, 0x40080000)


def is_whole(path: Path) -> bool:
    """Return whether esptool can load an image and computes the same checksum."""
    try:
        image = bin_image.LoadFirmwareImage("esp32", str(path))
    except (esptool.FatalError, struct.error, TypeError):  # all three mean that it is truncated
        return False
    return bool(image.checksum == image.calculate_checksum())


def unchanged(image: bytes) -> bytes:
    """Return the image unchanged."""
    return image


@pytest.mark.parametrize(("change", "whole"), [
    (unchanged, True),
    (lambda image: image + b"\xff" * 100, True),
    (lambda image: image[:30], False),
    (lambda image: image[:70], False),
    (lambda image: image[:-1], False),
    (lambda image: image[:40] + b"X" + image[41:], False),
    (lambda image: image[:-1] + b"\0", False),
])  # fmt: skip
def test_esptool_agrees(change: Callable[[bytes], bytes], whole: bool, tmp_path: Path) -> None:
    """esptool and our check agree whether an image is intact."""
    path = tmp_path / "application.bin"
    path.write_bytes(change(CODE))
    assert is_whole(path) == whole
    assert (flaw(path.read_bytes()) == "") == whole
