# SPDX-License-Identifier: MIT
"""Finds the merged images of a project, in its folder and in the usual build folders."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from pathlib import Path

from espbench.flash.app_image import BOOTLOADERS, MAGIC, chip_of
from espbench.flash.merged_image import ARGUMENTS, IMAGE
from espbench.flash.partition_table import TABLE_AT
from espbench.flash.software import software

__all__ = ["idf_in", "images_in"]

FOLDERS = (
    *("build", "build[-_]*"),  # ESP-IDF's, with `idf.py -B` and in MicroPython's ports/esp32
    *("out", "output", "dist", "bin", "release", "firmware", "artifacts"),
    ".pio/build",
)
"""Where projects have what they build, besides their own folder; with one more level each."""
TABLE_MAGIC = b"\xaa\x50"
"""First bytes of each entry of a partition table."""

_RELEASE = re.compile(r"v(\d+\.\d+)(\.\d+)?$")
"""A release among the values of ESP-IDF's `git describe`."""


def images_in(folder: Path, chips: Container[str]) -> list[Path]:
    """Return the images for these chips that espbench boots, the most likely one first.

    These are merged images, and the build folders of ESP-IDF in which there is none. Those with an
    ELF file beside them come first, then those that lie highest.
    """
    files = [path for path in _matching(folder, "*.bin") if path.name != IMAGE]
    merged = [path for path in files if _chip_of_image(path) in chips]
    there = {path.parent for path in merged}
    built = [path for path in _matching(folder, ARGUMENTS) if path.parent not in there]
    folders = [path.parent for path in built if _chip_of_build(path) in chips]
    return sorted([*merged, *folders], key=lambda path: _rank(path, folder))


def idf_in(image: Path) -> str:
    """Return the release of ESP-IDF that an image names, such as "5.4.1"; "" if it names none."""
    if image.is_dir():
        return ""
    found = _RELEASE.match(software(image).get("ESP-IDF", ""))
    return f"{found[1]}{found[2] or '.0'}" if found else ""


def _chip_of_image(path: Path) -> str:
    """Return the chip of an image of the whole flash, with a partition table; "" for other files.

    That of MicroPython's port begins with the bootloader, which the ESP32 has at 0x1000.
    """
    try:
        with path.open("rb") as file:
            head = file.read(TABLE_AT + len(TABLE_MAGIC))
    except OSError:
        return ""
    starts = BOOTLOADERS if head[:1] == bytes((MAGIC,)) else BOOTLOADERS[:1]
    tables = (head[TABLE_AT - start :][: len(TABLE_MAGIC)] for start in starts)
    return chip_of(head) if TABLE_MAGIC in tables else ""


def _chip_of_build(arguments: Path) -> str:
    """Return the chip that a build folder is for, from what ESP-IDF's build wrote there."""
    try:
        return str(json.loads(arguments.read_bytes())["extra_esptool_args"]["chip"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _matching(folder: Path, name: str) -> Iterator[Path]:
    places = [place for each in FOLDERS for place in (each, f"{each}/*")]
    for place in ("", *places):
        yield from folder.glob(f"{place}/{name}" if place else name)


def _rank(path: Path, top: Path) -> tuple[bool, int, str]:
    beside = path if path.is_dir() else path.parent
    relative = path.relative_to(top)
    return not any(beside.glob("*.elf")), len(relative.parts), relative.as_posix()
