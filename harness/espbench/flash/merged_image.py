# SPDX-License-Identifier: MIT
"""Merges a flash image from its parts: those of a build folder of ESP-IDF, for example."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from espbench.errors import ConfigError, DiskFull, ImageError, is_disk_full

__all__ = ["IMAGE", "flash_size", "image_of", "merged", "write"]

MEGABYTE = 1 << 20
ARGUMENTS = "flasher_args.json"
"""What ESP-IDF's build writes for tools that flash (components/esptool_py/CMakeLists.txt)."""
IMAGE = "espbench-merged.bin"
"""Name of the image that `image_of` writes."""


def flash_size(text: str) -> int:
    """Return the number of bytes in ESP-IDF's notation of a flash size, such as "4MB".

    Raises:
        ImageError: the text is not such a size.
    """
    number = text.removesuffix("MB")
    if not number.isdecimal():
        raise ImageError(
            f"The project's flash size is {text!r}, but QEMU supports 2, 4, 8 or 16MB: set "
            "CONFIG_ESPTOOLPY_FLASHSIZE."
        )
    return int(number) * MEGABYTE


def merged(files: Iterable[tuple[int, Path]], size: int) -> bytes:
    """Return an erased flash with these files at their offsets, as `esptool merge-bin` makes it.

    Raises:
        ImageError: a file cannot be read, or does not fit.
    """
    image = bytearray(b"\xff") * size
    for offset, path in files:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ImageError(
                f"{path} cannot be read ({error.strerror}): build the project again."
            ) from error
        if offset + len(data) > size:
            raise ImageError(
                f"{path.name} ends at {offset + len(data):#x}, beyond the end of a flash of "
                f"{size // MEGABYTE} MB: increase CONFIG_ESPTOOLPY_FLASHSIZE."
            )
        image[offset : offset + len(data)] = data
    return bytes(image)


def write(path: Path, content: bytes) -> None:
    """Write a file atomically, because others may use it, unless it has this content already."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def image_of(path: Path) -> Path:
    """Return the image to boot: the path itself, or for a build folder of ESP-IDF a merged one.

    The image is written into the build folder, so that its ELF file lies beside it.

    Raises:
        ConfigError: it is a folder, but not one in which ESP-IDF has built a project.
        ImageError: its parts cannot be read, or do not fit.
        DiskFull: the disk is full.
    """
    if not path.is_dir():
        return path
    try:
        arguments = json.loads((path / ARGUMENTS).read_bytes())
        size = flash_size(arguments["flash_settings"]["flash_size"])
        files = [(int(at, 0), path / name) for at, name in arguments["flash_files"].items()]
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is a folder without {ARGUMENTS}: name an image, or the build folder of an "
            "ESP-IDF project after `idf.py build`."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(f"{path / ARGUMENTS} is damaged: build the project again.") from None
    image = path / IMAGE
    try:
        write(image, merged(files, size))
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull(
                f"{image} does not fit, because the disk is full: free some space there."
            ) from None
        raise ImageError(
            f"{image} cannot be written ({error.strerror}): make the folder writable, or merge the "
            "image elsewhere with `idf.py merge-bin -o FILE`."
        ) from None
    return image
