# SPDX-License-Identifier: MIT
"""`Place`: where a certificate or key is stored; `Start`: what a device starts with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from espbench.check.errors import NotApplicable
from espbench.flash.littlefs_image import Content

__all__ = ["FilePlace", "Place", "Start", "whole"]


@dataclass
class Start:
    """What a device starts with.

    Attributes:
        files: the files that espbench puts into its file system, by path.
        image: the firmware's image; empty if it is not in the flash.
        changed: whether the image differs from the firmware's file.
    """

    files: dict[str, Content]
    image: bytearray
    changed: bool = False

    def write(self, at: int, data: bytes) -> None:
        """Write to the image, which grows with erased flash if necessary."""
        self.image.extend(b"\xff" * (at + len(data) - len(self.image)))
        self.image[at : at + len(data)] = data
        self.changed = True


class Place(Protocol):
    """Where a certificate or a key is stored."""

    @property
    def name(self) -> str:
        """A name for messages, such as its path."""

    @property
    def content(self) -> bytes:
        """What is stored there; empty if that is unknown."""

    def put(self, start: Start, made: Mapping[str, bytes]) -> None:
        """Replace the content.

        Args:
            start: what to change.
            made: the new content by suffix of the path: {"": data}, {} for nothing, and names that
                begin with a slash for a folder.

        Raises:
            NotApplicable: the place cannot have this content.
        """


@dataclass(frozen=True)
class FilePlace:
    """A file that espbench puts into the device's file system."""

    name: str
    content: bytes = b""

    def put(self, start: Start, made: Mapping[str, bytes]) -> None:
        """Replace the file; see `Place`."""
        start.files.pop(self.name, None)
        start.files.update({self.name + suffix: data for suffix, data in made.items()})


def whole(made: Mapping[str, bytes], where: str) -> bytes | None:
    """Return the new content for a place that holds one value, not files; None to remove it.

    Raises:
        NotApplicable: it is a folder.
    """
    if any(made):
        raise NotApplicable(f"{where} cannot be a folder.")
    return made.get("")
