# SPDX-License-Identifier: MIT
"""Builds a board's flash image for a firmware, following that firmware's partition table.

A board's `Flash` describes espbench's own firmware; any other brings its own table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from espbench.boards.board import Board
from espbench.errors import ConfigError, ImageError
from espbench.flash import app_image as esp_image
from espbench.flash import partition_table as partitions
from espbench.flash.geometry import Flash
from espbench.flash.littlefs_image import Image

__all__ = ["damage", "device_image", "fit"]

FILES = "vfs"
"""Label of the partition with the file system, as in MicroPython's tables."""
APPLICATION = 0
"""Type of an application partition, as gen_esp32part.py numbers them."""
ERASED = b"\xff"
ARGUMENTS = "bootargs"
"""Label of the partition with the boot arguments, in espbench's own tables."""


def fit(flash: Flash, firmware: bytes) -> Flash:
    """Return the flash as this firmware partitions it; pure.

    Args:
        flash: the board's.
        firmware: the bytes for `flash.firmware_at`; ignored if that is None.

    Raises:
        ImageError: the firmware is larger than any flash, or its partition table is damaged.
        ConfigError: its file system cannot be a littlefs of this board.
    """
    if flash.firmware_at is None:
        return flash
    start, table = _table(flash, firmware)
    need = max([start + len(firmware), *(partition.end for partition in table)])
    files = _labelled(table, FILES)
    arguments = _labelled(table, ARGUMENTS)
    return replace(
        flash,
        size=_size(flash, need),
        firmware_at=start,
        start=files.offset if files else 0,
        length=files.size if files else 0,
        arguments_at=arguments.offset if arguments else None,
        arguments_length=arguments.size if arguments else 0,
    )


def _table(flash: Flash, firmware: bytes) -> tuple[int, tuple[partitions.Partition, ...]]:
    """Return where the firmware's first byte belongs, and its partitions."""
    start = flash.firmware_at or 0
    table = partitions.of_image(firmware, start)
    if not table and (other := partitions.of_image(firmware, flash.bootloader_at)):
        return flash.bootloader_at, other
    return start, table


def _labelled(table: tuple[partitions.Partition, ...], label: str) -> partitions.Partition | None:
    return next((p for p in table if p.label == label), None)


def _size(flash: Flash, need: int) -> int:
    """Return the board's own size, or the smallest larger one that is sufficient."""
    sizes = [flash.size, *(size for size in flash.sizes if size > flash.size)]
    for size in sizes:
        if need <= size:
            return size
    raise ImageError(
        f"The firmware needs a flash of {need} bytes, but the board's machine has at most "
        f"{sizes[-1]}: make it smaller."
    )


def device_image(
    board: Board, firmware: Path, files: Mapping[str, bytes], arguments: Mapping[str, str]
) -> Image:
    """Return the flash image of a device.

    Args:
        board: the device's.
        firmware: the firmware file.
        files: content by absolute path.
        arguments: boot arguments, in addition to the board's own.

    Raises:
        ConfigError: the firmware has no partition for the files or the arguments.
        ImageError: see `fit`.
    """
    blob = firmware.read_bytes() if board.flash.firmware_at is not None else b""
    flash = fit(board.flash, blob)
    if files and not flash.length:
        raise ConfigError(
            f"{firmware} has no partition {FILES!r}, so it cannot have {_some(files)}: omit the "
            f"files, or add a line to its partition table such as "
            f"`{FILES}, data, fat, , 0x200000`."
        )
    in_flash = not board.handover.takes_boot_arguments
    if in_flash and arguments and flash.arguments_at is None:
        raise ConfigError(
            f"{firmware} has no partition {ARGUMENTS!r}, so it cannot take "
            f"{', '.join(arguments)}: omit the boot arguments, or add the line "
            f"`{ARGUMENTS}, data, 0x40, , 0x1000` to its partition table."
        )
    line = board.boot_line(arguments) if flash.arguments_at is not None else ""
    return Image(flash, files, blob, line)


def damage(board: Board, firmware: Path) -> str:
    """Return why none of a firmware's applications can boot, as part of a sentence; or "".

    A single damaged application may be intended, to make the bootloader fall back to another one.
    If there is none at all, the bootloader says so on the console, or boots from elsewhere.
    """
    if board.flash.firmware_at is None:
        return ""
    blob = firmware.read_bytes()
    start, table = _table(board.flash, blob)
    images = {
        partition.label: blob[partition.offset - start : partition.end - start]
        for partition in table
        if partition.kind == APPLICATION
    }
    flaws = {label: esp_image.flaw(image) for label, image in images.items() if image.strip(ERASED)}
    if not flaws or not all(flaws.values()):
        return ""
    label, flaw = next(iter(flaws.items()))
    return f"the application in its partition {label!r} {flaw}"


def _some(files: Mapping[str, bytes]) -> str:
    """Return the first names, as part of a sentence."""
    names = list(files)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more files" if len(names) > 3 else "")
