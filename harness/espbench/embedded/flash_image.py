# SPDX-License-Identifier: MIT
"""The one flash image that QEMU starts from: whether a project has one, and how it is made."""

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
"""What ESP-IDF leaves in each build folder, and other builds do not."""


def has_image(parameters: Mapping[str, Any]) -> bool:
    """Return whether an image is named, or a build folder of ESP-IDF is where it should be.

    Args:
        parameters: what pytest-embedded's fixture `parametrize_fixtures` has for one dut.
    """
    if parameters["qemu_image_path"]:
        return True
    folder = Path(parameters["build_dir"] or "build")
    app = Path(parameters["app_path"] or ".")
    # In pytest-embedded's order: beside the test, then in the working folder.
    return any((path / name).is_file() for path in (app / folder, folder) for name in BUILT)


def flash_size(text: str) -> int:
    """Return the bytes in ESP-IDF's name of a flash's size, such as "4MB".

    Raises:
        ImageError: it is no such name.
    """
    number = text.removesuffix("MB")
    if not number.isdecimal():
        raise ImageError(
            f"The project's flash size is {text!r}, and QEMU has 2, 4, 8 or 16MB: set "
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
                f"{path.name} ends at {offset + len(data):#x}, behind the end of a flash of "
                f"{size // MEGABYTE} MB: set CONFIG_ESPTOOLPY_FLASHSIZE to more."
            )
        image[offset : offset + len(data)] = data
    return bytes(image)


def write(path: Path, content: bytes) -> None:
    """Write a file that others may be reading or writing just now, unless it is there already."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)
