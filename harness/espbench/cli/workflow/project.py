# SPDX-License-Identifier: MIT
"""Finds out what a firmware project is: its build, its image and its profile."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

from espbench.boards.builtin import BOARDS
from espbench.cli.workflow.esp_idf import esp_idf_project, is_esp_idf
from espbench.cli.workflow.found import FirmwareProject, at, idf_of, text_of
from espbench.cli.workflow.images import idf_in, images_in
from espbench.cli.workflow.micropython import micropython_project, port_in
from espbench.cli.workflow.repository import is_tracked
from espbench.errors import ConfigError
from espbench.util.listing import listing

__all__ = ["find_project"]

PROFILES = ("espbench.toml", "pyproject.toml")

_TABLE = re.compile(r"^\[tool\.espbench\b", re.M)


def find_project(folder: Path, root: Path, chip: str = "") -> FirmwareProject | None:
    """Return what a folder shows about its firmware; None if it shows neither build nor image.

    Args:
        folder: the project, or a folder with one ESP-IDF project in it.
        root: the repository that it is in.
        chip: the chip to build for; "" for the one that the project names.

    Raises:
        ConfigError: the project is for a chip that espbench does not emulate, or there are several.
    """
    below = [] if is_esp_idf(folder) else _projects_below(folder)
    found = _built(folder, root, chip)
    if found is None and len(below) == 1:  # before an image that it has built
        found = _built(below[0], root, chip)
    found = found or _prebuilt(folder, root, chip)
    if found is None and below:
        names = listing((str(each) for each in below), "or")
        raise ConfigError(f"{folder} has several ESP-IDF projects: name {names} instead.")
    if found is None:
        return None
    places = [root / found.folder, folder, root]
    files = (place / name for place in places for name in PROFILES)
    profile = next((path for path in files if _is_profile(path)), None)
    return replace(found, profile=at(profile.parent, root, profile.name)) if profile else found


def _built(folder: Path, root: Path, chip: str) -> FirmwareProject | None:
    if port := port_in(folder):
        return micropython_project(port, root, chip)
    return esp_idf_project(folder, root, chip) if is_esp_idf(folder) else None


def _projects_below(folder: Path) -> list[Path]:
    """Return the ESP-IDF projects in the subfolders."""
    files = sorted(folder.glob("*/CMakeLists.txt"))
    return [path.parent for path in files if is_esp_idf(path.parent)]


def _prebuilt(folder: Path, root: Path, chip: str) -> FirmwareProject | None:
    """Return the most likely image in a folder, and how it is made if a Makefile makes it."""
    chips = [chip] if chip else [each for each in BOARDS if each.startswith("esp")]
    images = images_in(folder, chips)
    if not images:
        return None
    image, *others = images
    name = at(image.parent, root, image.name)
    found = FirmwareProject(
        f"ESP-IDF's build folder {name}" if image.is_dir() else f"the merged image {name}",
        name,
        "",
        "",
        folder=at(folder, root),
        others=[at(other.parent, root, other.name) for other in others],
    )
    if (folder / "Makefile").is_file():
        command = ["make", *(["-C", found.folder] if found.folder else [])]
        return replace(
            found,
            command=shlex.join(command),
            remark=f"{found.folder or '.'} has a Makefile: does this command make {name}?",
            idf=idf_of([image if image.is_dir() else image.parent]) or idf_in(image),
        )
    elf = () if image.is_dir() else sorted(image.parent.glob("*.elf"))[:1]
    files = [image, *elf]
    names = [at(path.parent, root, path.name) for path in files]
    tracked = all(is_tracked(path) for path in files)
    return replace(
        found,
        command=shlex.join(["ls", *names]),
        remark=f"nothing is built, because git has {listing(names)}"
        if tracked
        else f"write the command that makes {name} here, or add {listing(names)} to the repository",
        sure=tracked,
        makes=False,
        symbols=image.is_dir() or bool(elf),
    )


def _is_profile(path: Path) -> bool:
    text = text_of(path)
    return bool(text) and (path.name != "pyproject.toml" or bool(_TABLE.search(text)))
