# SPDX-License-Identifier: MIT
"""littlefs, as MicroPython and the component `esp_littlefs` configure it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from espbench.errors import FileSystemFull, ImageError

__all__ = ["NAME_MAX", "Littlefs"]

NAME_MAX = 255
"""Maximum length of a path component in bytes: the default of littlefs and MicroPython."""
_MAGIC_AT = (8, 12)
"""Where the superblock's magic may begin (littlefs's SPEC.md: 8, as the first entry)."""


class Littlefs:
    """littlefs with a block size, which is also the unit of erasing, and a unit of writing."""

    name = "littlefs"
    has_folders = True

    def __init__(self, block: int = 4096, unit: int = 32) -> None:
        """Describe it.

        Args:
            block: bytes of a block.
            unit: smallest read and write in bytes (`read_size` and `prog_size`).
        """
        self.block = block
        self.unit = unit

    def recognises(self, data: bytes) -> bool:
        """Return whether one of the first two blocks has a superblock."""
        return any(
            data[block + at : block + at + 8] == b"littlefs"
            for block in (0, self.block)
            for at in _MAGIC_AT
        )

    def build(
        self,
        files: Mapping[str, bytes],
        size: int,
        like: bytes = b"",  # noqa: ARG002
    ) -> bytes:
        """Return a partition with these files; see `FileSystem`."""
        from littlefs import LittleFS
        from littlefs.errors import LittleFSError

        fs = LittleFS(
            block_size=self.block,
            block_count=size // self.block,
            read_size=self.unit,
            prog_size=self.unit,
            name_max=NAME_MAX,
        )
        try:
            for name, data in files.items():
                parent = str(PurePosixPath(name).parent)
                if parent != "/":
                    fs.makedirs(parent, exist_ok=True)
                with fs.open(name, "wb") as file:
                    file.write(data)
        except LittleFSError as error:
            if error.code == LittleFSError.Error.LFS_ERR_NOSPC:
                total = sum(map(len, files.values()))
                raise FileSystemFull(
                    f"{len(files)} files with {total} bytes do not fit into the device's file "
                    f"system of {size} bytes (blocks of {self.block}; it was full at {name}): "
                    "use fewer or smaller files."
                ) from error
            raise ImageError(
                f"littlefs could not store {name} ({error}): rename or remove that file."
            ) from error
        return bytes(fs.context.buffer)

    def read(self, data: bytes) -> dict[str, bytes]:
        """Return the files in a partition by path; see `FileSystem`."""
        from littlefs import LittleFS, UserContext
        from littlefs.errors import LittleFSError

        try:
            fs = LittleFS(
                UserContext(buffer=bytearray(data)),
                block_size=self.block,
                block_count=len(data) // self.block,
                read_size=self.unit,
                prog_size=self.unit,
                name_max=NAME_MAX,
                mount=False,  # True would format an image that cannot be mounted.
            )
            fs.mount()
            found = {}
            for folder, _, names in fs.walk("/"):
                for name in names:
                    path = str(PurePosixPath(folder) / name)
                    with fs.open(path, "rb") as file:
                        found[path] = bytes(file.read())
        except LittleFSError as error:
            raise ImageError(
                f"The flash image has no intact littlefs ({error}): read it after the device has "
                "stopped writing, and only if the firmware uses littlefs."
            ) from error
        return found
