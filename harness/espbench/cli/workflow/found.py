# SPDX-License-Identifier: MIT
"""`FirmwareProject`: what was found out about a project, as data; and helpers that read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FirmwareProject", "at", "idf_of", "matches", "text_of"]

_VERSION = re.compile(r"^# Espressif IoT Development Framework \(ESP-IDF\) (\d+\.\d+\.\d+) ", re.M)


@dataclass(frozen=True)
class FirmwareProject:
    """What was found out about a project. Paths and commands are for the repository's root.

    Attributes:
        found: what it is, for the user.
        image: the image, or a build folder of ESP-IDF.
        command: makes the image, or fails if it is not there.
        remark: what the user should know about the command.
        sure: whether the command is right.
        makes: whether it makes the image.
        folder: the project's folder; "" for the root.
        idf: the version of ESP-IDF, such as "5.4.1"; "" if unknown.
        profile: the profile of `espbench check`; "" if there is none.
        others: images that were found, too.
        ethernet: whether it is configured for QEMU's Ethernet; None if nothing shows that.
        symbols: whether an ELF file lies beside the image, or the build makes one.
    """

    found: str
    image: str
    command: str
    remark: str
    sure: bool = True
    makes: bool = True
    folder: str = ""
    idf: str = ""
    profile: str = ""
    others: Sequence[str] = ()
    ethernet: bool | None = None
    symbols: bool = True


def at(folder: Path, root: Path, name: str = "") -> str:
    """Return the path of a file in a folder, relative to the root; "" for the root itself."""
    path = (folder.resolve() / name).relative_to(root.resolve()).as_posix()
    return "" if path == "." else path


def matches(pattern: re.Pattern[str], texts: Iterable[str]) -> Iterator[str]:
    """Yield the first group of a pattern for each text in which it occurs."""
    return (found[1] for text in texts if (found := pattern.search(text)))


def idf_of(folders: Iterable[Path]) -> str:
    """Return the version of the ESP-IDF that wrote the `sdkconfig` of a folder; "" if none did."""
    return next(matches(_VERSION, (text_of(folder / "sdkconfig") for folder in folders)), "")


def text_of(path: Path) -> str:
    """Return a file's text; "" if there is none that can be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
