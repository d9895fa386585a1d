# SPDX-License-Identifier: MIT
"""Firmware projects for tests of `espbench ci`, and what it wrote into them."""

from __future__ import annotations

import importlib.metadata
import json
import re
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from installed import TREE

__all__ = [
    *("CMAKE", "INCLUDE", "TEMPLATE", "cmake_cache", "comes_from", "edits", "git", "header"),
    *("idf_project", "image", "micropython_port", "written"),
]

TEMPLATE = TREE / "ci" / "espbench.yml"
CMAKE = "cmake_minimum_required(VERSION 3.16)\n{}\nproject(app)\n"
INCLUDE = "include($ENV{IDF_PATH}/tools/cmake/project.cmake)"
BOARD = "set(MICROPY_BOARD ESP32_GENERIC)\n"
CHIP_IDS = {"esp32": 0, "esp32c3": 5, "esp32c6": 13}
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.com")


def header(version: str) -> str:
    """Return how the sdkconfig of this ESP-IDF begins."""
    name = "Espressif IoT Development Framework (ESP-IDF)"
    return f"# {name} {version} Project Configuration\n"


def idf_project(folder: Path, **files: str) -> None:
    """Make an ESP-IDF project with these files, whose names have underscores for dots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CMakeLists.txt").write_text(CMAKE.format(INCLUDE))
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def micropython_port(folder: Path) -> None:
    """Make what MicroPython's ports/esp32 has, as far as it matters here."""
    (folder / "boards" / "ESP32_GENERIC").mkdir(parents=True)
    (folder / "CMakeLists.txt").write_text(CMAKE.format(BOARD + INCLUDE))
    (folder / "Makefile").touch()


def cmake_cache(build: Path, source: Path, **values: str) -> None:
    """Write what CMake keeps of these definitions."""
    build.mkdir(parents=True, exist_ok=True)
    lines = [f"CMAKE_HOME_DIRECTORY:INTERNAL={source.resolve()}"]
    lines += [f"{name}:UNINITIALIZED={value}" for name, value in values.items()]
    (build / "CMakeCache.txt").write_text("\n".join([*lines, ""]))


def image(path: Path, chip: str = "esp32", *, elf: bool = True, start: int = 0) -> None:
    """Write what looks like an image of the whole flash, with its ELF file.

    Args:
        path: the image.
        chip: what its bootloader is for.
        elf: whether to write an ELF file beside it.
        start: where in the flash the file begins; MicroPython's begin with the bootloader.
    """
    flash = bytearray(b"\xff") * 0x8020
    bootloader = 0x1000 if chip == "esp32" else 0
    flash[bootloader : bootloader + 24] = b"\xe9".ljust(12, b"\0") + struct.pack(
        "<H", CHIP_IDS[chip]
    ).ljust(12, b"\0")
    flash[0x8000:0x8002] = b"\xaa\x50"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(flash[start:])
    if elf:
        path.with_suffix(".elf").touch()


def git(folder: Path, *arguments: str) -> str:
    """Run git without the user's configuration, and return what it prints."""
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def comes_from(record: Mapping[str, Any] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be pip's record of where espbench came from, or None."""

    class Distribution:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            return None if record is None else json.dumps(record)

    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Distribution())


def written(folder: Path) -> dict[str, Any]:
    """Return the workflow that was written."""
    text = (folder / ".github/workflows/espbench.yml").read_text()
    data: dict[str, Any] = yaml.safe_load(text)
    assert text.count("\n") == TEMPLATE.read_text().count("\n")
    return data


def edits(text: str) -> list[str]:
    """Return the names of the lines that have to be edited, from what `espbench ci` prints."""
    part = text.partition("Edit these lines")[2].partition("Look at these lines")[0]
    return re.findall(r"^  line \d+: (\w+): ", part, re.M)
