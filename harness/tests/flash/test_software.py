# SPDX-License-Identifier: MIT
"""Reports name the versions that a firmware carries: its own, ESP-IDF's and MicroPython's."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from espbench.boards.builtin import ESP32, LX60
from espbench.firmware import build
from espbench.firmware.versions import versions
from espbench.flash.software import Description, described, software
from espbench.plugin import html_report
from tiny_esp32 import APPLICATION_AT, loadable, tiny_esp32

APP_DESC = struct.Struct("<II8x32s32s16s16s32s32sHHB3x72x")
"""`esp_app_desc_t` of ESP-IDF v5.4 (components/esp_app_format/include/esp_app_desc.h)."""


def application(
    project: bytes = b"http_server", version: bytes = b"v1-3-gabc-dirty", idf: bytes = b"v5.4.1"
) -> bytes:
    """Return an application with a description."""
    words = (0xABCD5432, 0, version, project, b"12:00:00", b"Nov 30 2026", idf, b"\1" * 32, 0, 99)
    text = b"3.4.0; MicroPython v1.25.0-preview.7 on 2026-11-30\0"
    return loadable({0x3F400020: APP_DESC.pack(*words, 16) + text}, 0x40080000)


def flash(app: bytes) -> bytes:
    """Return a flash image with this application."""
    image = bytearray(tiny_esp32(b"hello").ljust(APPLICATION_AT + len(app), b"\xff"))
    image[APPLICATION_AT : APPLICATION_AT + len(app)] = app
    return bytes(image)


def test_description() -> None:
    """An application's description is read; a name that fills its field has no NUL."""
    assert APP_DESC.size == 256
    assert described(application()) == Description("http_server", "v1-3-gabc-dirty", "v5.4.1")
    assert described(application(project=b"p" * 32)) == Description(
        "p" * 32, "v1-3-gabc-dirty", "v5.4.1"
    )
    assert described(application(project=b"\x1b[31mred\n\xff")) == Description(
        "[31mred\N{REPLACEMENT CHARACTER}", "v1-3-gabc-dirty", "v5.4.1"
    )
    assert described(loadable({0x40080000: b"code" * 90}, 0x40080000)) is None
    assert described(application()[:20]) is None
    assert described(b"") is None


@pytest.mark.parametrize("start", [0, 0x1000])
def test_image(tmp_path: Path, start: int) -> None:
    """An image names them, whether it begins with the flash or with the bootloader."""
    image = tmp_path / "merged.bin"
    image.write_bytes(flash(application())[start:])
    assert software(image) == {
        "application": "http_server v1-3-gabc-dirty",
        "ESP-IDF": "v5.4.1",
        "MicroPython": "v1.25.0-preview.7",
    }


@pytest.mark.parametrize("blob", [b"", b"\x7fELF", tiny_esp32(b"hello"), b"\xe9" * 0x9000])
def test_without(tmp_path: Path, blob: bytes) -> None:
    """A firmware that names nothing is not an error."""
    path = tmp_path / "firmware"
    path.write_bytes(blob)
    assert software(path) == {}


def test_in_reports(tmp_path: Path) -> None:
    """The versions are in run.json, in the measurements, and in the page of a pytest session."""
    image = tmp_path / "merged.bin"
    image.write_bytes(flash(application()))
    for found in (versions(LX60, image), html_report.versions(ESP32, image)):
        assert (found["ESP-IDF"], found["MicroPython"]) == ("v5.4.1", "v1.25.0-preview.7")
        assert found["application"] == "http_server v1-3-gabc-dirty"
    assert versions(LX60, build.firmware(LX60))["MicroPython"].startswith("v1.2")
