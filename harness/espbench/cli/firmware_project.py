# SPDX-License-Identifier: MIT
"""Finds out how a firmware project is built, and for which chip."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from espbench.boards.builtin import BOARDS
from espbench.errors import ConfigError
from espbench.flash.partition_table import TABLE_AT
from espbench.util.listing import listing

__all__ = ["FirmwareProject", "find_project"]

CONFIGURATIONS = ("sdkconfig", "sdkconfig.defaults")
"""In the order in which ESP-IDF lets them decide."""
DEFAULT_CHIP = "esp32"
"""`IDF_TARGET` of a project that names none (tools/cmake/targets.cmake)."""
MERGED = "build/merged-binary.bin"
"""What `idf.py merge-bin` writes (tools/idf_py_actions/serial_ext.py)."""
IMAGES = ("*.bin", "build/*.bin", "build/*/*.bin")
"""Where to look for a merged image."""
PROFILES = ("espbench.toml", "pyproject.toml")
TABLE_MAGIC = b"\xaa\x50"
"""First bytes of each entry of a partition table."""

_IDF = re.compile(r"^\s*include\(\s*\"?\$ENV\{IDF_PATH\}/tools/cmake/project\.cmake", re.M)
_CHIP = re.compile(r"^CONFIG_IDF_TARGET=\"?(\w+)\"?\s*$", re.M)
_VERSION = re.compile(r"^# Espressif IoT Development Framework \(ESP-IDF\) (\d+\.\d+\.\d+) ", re.M)
_CMAKE_VERSION = re.compile(r"^set\(IDF_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)\)", re.M)
_TABLE = re.compile(r"^\[tool\.espbench\b", re.M)


@dataclass(frozen=True)
class FirmwareProject:
    """What was found out about a project.

    Attributes:
        found: what it is, for the user.
        image: the merged image, relative to the project.
        build: the command that makes the image; "" if unknown.
        idf: the version of ESP-IDF, such as "5.4.1"; "" if unknown.
        profile: the profile of `espbench check`, relative to the project; "" if there is none.
    """

    found: str
    image: str
    build: str = ""
    idf: str = ""
    profile: str = ""


def find_project(folder: Path, chip: str = "") -> FirmwareProject | None:
    """Return what a folder shows about its firmware; None if it shows neither build nor image.

    Args:
        folder: the project.
        chip: the chip to build for; "" for the one that the project names.

    Raises:
        ConfigError: the project is for a chip that espbench does not emulate.
    """
    profile = next((name for name in PROFILES if _is_profile(folder / name)), "")
    if _IDF.search(_text(folder / "CMakeLists.txt")):
        texts = [_text(folder / name) for name in CONFIGURATIONS]
        chip = chip or next(_matches(_CHIP, texts), DEFAULT_CHIP)
        if chip not in BOARDS:
            raise ConfigError(
                f"{folder} is a project for the chip {chip}, which espbench does not emulate: "
                f"build it for {listing((b for b in BOARDS if b.startswith('esp')), 'or')}."
            )
        return FirmwareProject(
            f"an ESP-IDF project for {chip}",
            MERGED,
            f"idf.py -D IDF_TARGET={chip} merge-bin",  # it builds, too
            next(_matches(_VERSION, texts), "") or _active_idf(),
            profile,
        )
    for path in _files(folder, IMAGES):
        if _is_merged(path):
            build = "make" if (folder / "Makefile").is_file() else ""
            name = path.relative_to(folder).as_posix()
            return FirmwareProject(f"the merged image {name}", name, build, "", profile)
    return None


def _is_profile(path: Path) -> bool:
    return (path.name != "pyproject.toml" and bool(_text(path))) or bool(_TABLE.search(_text(path)))


def _is_merged(path: Path) -> bool:
    """Return whether a file is an image of the whole flash, with a partition table."""
    try:
        with path.open("rb") as file:
            return file.read(TABLE_AT + 2)[TABLE_AT:] == TABLE_MAGIC
    except OSError:
        return False


def _active_idf() -> str:
    """Return the version of the ESP-IDF whose environment is active; "" without one."""
    root = os.environ.get("IDF_PATH", "")
    numbers = _CMAKE_VERSION.findall(_text(Path(root, "tools/cmake/version.cmake")))
    return ".".join(numbers) if root and len(numbers) == 3 else ""


def _matches(pattern: re.Pattern[str], texts: list[str]) -> Iterator[str]:
    return (found[1] for text in texts if (found := pattern.search(text)))


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(folder.glob(pattern))


def _text(path: Path) -> str:
    """Return a file's text; "" if there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
