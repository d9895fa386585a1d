# SPDX-License-Identifier: MIT
"""The flash image that QEMU boots from: finds it in a project, or merges it from its parts."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from espbench.errors import ImageError

MEGABYTE = 1 << 20
BUILT = ("flasher_args.json", "config/sdkconfig.json")
"""Files in each build folder of ESP-IDF, and not in those of other build systems."""


def has_image(parameters: Mapping[str, Any]) -> bool:
    """Return whether an image is given, or a build folder of ESP-IDF exists.

    Args:
        parameters: values of pytest-embedded's fixture `parametrize_fixtures` for one dut.
    """
    if parameters["qemu_image_path"]:
        return True
    folder = Path(parameters["build_dir"] or "build")
    app = Path(parameters["app_path"] or ".")
    # In pytest-embedded's order: next to the test, then in the working folder.
    return any((path / name).is_file() for path in (app / folder, folder) for name in BUILT)


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
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)
