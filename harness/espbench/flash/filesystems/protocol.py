# SPDX-License-Identifier: MIT
"""`FileSystem`: what each file system in this package can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from espbench.errors import FileSystemFull

__all__ = ["FileSystem", "full"]


class FileSystem(Protocol):
    """A format of a data partition. Paths are absolute, such as `/certs/cert.pem`."""

    @property
    def name(self) -> str:
        """Its name, as its documentation writes it."""

    @property
    def has_folders(self) -> bool:
        """Whether it can hold a folder."""

    def recognises(self, data: bytes) -> bool:
        """Return whether a partition with these bytes has this format."""

    def read(self, data: bytes) -> dict[str, bytes]:
        """Return the files in a partition by path.

        Raises:
            ImageError: the partition is damaged, or has another format.
        """

    def build(self, files: Mapping[str, bytes], size: int, like: bytes = b"") -> bytes:
        """Return a partition with these files.

        Args:
            files: content by path.
            size: size of the partition in bytes.
            like: the partition's bytes until now, whose geometry is kept if they are recognised.

        Raises:
            FileSystemFull: the files do not fit.
            BadFileName: the file system cannot hold a name.
            ImageError: the partition cannot hold this file system.
        """


def full(files: Mapping[str, bytes], name: str, size: int, at: str) -> FileSystemFull:
    """Return the error for files that do not fit."""
    total = sum(map(len, files.values()))
    return FileSystemFull(
        f"{len(files)} files with {total} bytes do not fit into the device's {name} of {size} "
        f"bytes (it was full at {at}): use fewer or smaller files."
    )
