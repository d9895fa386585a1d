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
from espbench.flash.filesystems.registry import FAT, format_of, may_have_files
from espbench.flash.geometry import Flash
from espbench.flash.littlefs_image import Image
from espbench.flash.software import micropython_version

__all__ = ["damage", "device_image", "file_partitions", "fit", "has_file_system", "partitions_of"]

FILES = "vfs"
"""Label of MicroPython's partition with the file system, which is a littlefs whatever its subtype
is."""
FAT_FILES = "ffat"
"""Label of the partition with a FAT that MicroPython also takes."""
ADDS_FILES = (1, 26)
"""The first version of MicroPython that adds a partition for files if the table has none."""
ERASED = b"\xff"
ARGUMENTS = "bootargs"
"""Label of the partition with the boot arguments, in espbench's own tables."""


def fit(flash: Flash, firmware: bytes, files_partition: str = "") -> Flash:
    """Return the flash as this firmware partitions it; pure.

    Its file system is that of the partition `vfs`, or else that of the only partition for one; if
    there are several, none is chosen.

    Args:
        flash: the board's.
        firmware: the bytes for `flash.firmware_at`; ignored if that is None.
        files_partition: label of the partition with the files, to choose among several.

    Raises:
        ImageError: the firmware is larger than any flash, or its partition table is damaged.
        ConfigError: its file system does not fit this board, or no partition has that label.
    """
    if flash.firmware_at is None:
        return flash
    start, table = partitions_of(flash, firmware)
    need = max([start + len(firmware), *(partition.end for partition in table)])
    files = _partition_of_files(table, files_partition)
    arguments = _labelled(table, ARGUMENTS)
    return replace(
        flash,
        size=_size(flash, need),
        firmware_at=start,
        start=files.offset if files else 0,
        length=files.size if files else 0,
        arguments_at=arguments.offset if arguments else None,
        arguments_length=arguments.size if arguments else 0,
        files_format=_format(files, firmware, start) if files else flash.files_format,
        formatted=files is not None and files.label == FILES,
    )


def file_partitions(firmware: bytes, flash: Flash) -> dict[str, tuple[partitions.Partition, bytes]]:
    """Return the partitions for a file system, each with its bytes, by label.

    Raises:
        ImageError: the partition table is damaged.
    """
    start, table = partitions_of(flash, firmware)
    return {
        partition.label: (partition, partition.content(firmware, start))
        for partition in table
        if may_have_files(partition)
    }


def _partition_of_files(
    table: tuple[partitions.Partition, ...], label: str
) -> partitions.Partition | None:
    candidates = [partition for partition in table if may_have_files(partition)]
    if label:
        chosen = next((each for each in candidates if each.label == label), None)
        if chosen is None:
            names = ", ".join(each.label for each in candidates) or "none"
            raise ConfigError(
                f"The firmware has no partition {label!r} for a file system; it has {names}: "
                "change --files-partition, or files-partition in the profile."
            )
        return chosen
    if own := _labelled(table, FILES):
        return own
    return candidates[0] if len(candidates) == 1 else None


def _format(partition: partitions.Partition, firmware: bytes, start: int) -> str:
    if partition.label == FILES:
        return "littlefs"
    return format_of(partition, partition.content(firmware, start), firmware)


def has_file_system(board: Board, firmware: Path) -> bool:
    """Return whether a device with this firmware starts with files that espbench adds.

    That is what MicroPython does; other firmware gets the files that the user names.

    Raises:
        ConfigError, ImageError: see `fit`.
    """
    blob = firmware.read_bytes() if board.flash.firmware_at is not None else b""
    flash = fit(board.flash, blob)
    return flash.length > 0 and flash.formatted


def partitions_of(flash: Flash, firmware: bytes) -> tuple[int, tuple[partitions.Partition, ...]]:
    """Return where the firmware's first byte belongs, and its partitions.

    Raises:
        ImageError: the partition table is damaged.
    """
    start = flash.firmware_at or 0
    table = partitions.of_image(firmware, start)
    if not table and (other := partitions.of_image(firmware, flash.bootloader_at)):
        start, table = flash.bootloader_at, other
    return start, (*table, *_added_at_boot(flash, firmware, start, table))


def _added_at_boot(
    flash: Flash, firmware: bytes, start: int, table: tuple[partitions.Partition, ...]
) -> tuple[partitions.Partition, ...]:
    """Return the partition that MicroPython adds at boot: from the last one to the flash's end.

    Since v1.26, its own tables have none for files (`boardctrl_startup` in ports/esp32/main.c).
    """
    if any(partition.is_data and partition.label in (FILES, FAT_FILES) for partition in table):
        return ()
    if not table or micropython_version(firmware) < ADDS_FILES:  # it searches the whole image
        return ()
    end = max(partition.end for partition in table)
    size = _size(flash, max(end, start + len(firmware)))
    if size == end:
        return ()
    return (partitions.Partition(FILES, partitions.DATA, FAT, end, size - end),)


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
    board: Board,
    firmware: Path,
    files: Mapping[str, bytes],
    arguments: Mapping[str, str],
    files_partition: str = "",
) -> Image:
    """Return the flash image of a device.

    Args:
        board: the device's.
        firmware: the firmware file.
        files: content by absolute path.
        arguments: boot arguments, in addition to the board's own.
        files_partition: label of the partition for the files; "" for the only one.

    Raises:
        ConfigError: the firmware has no partition for the files or the arguments, or several.
        ImageError: see `fit`.
    """
    blob = firmware.read_bytes() if board.flash.firmware_at is not None else b""
    flash = fit(board.flash, blob, files_partition)
    if files and not flash.length:
        if several := list(file_partitions(blob, board.flash)):
            raise ConfigError(
                f"{firmware} has several partitions for files ({', '.join(several)}): choose one "
                "with --files-partition, or with files-partition in the profile."
            )
        raise ConfigError(
            f"{firmware} has no partition for files, so it cannot have {_some(files)}: omit the "
            "files, or add a line to its partition table such as "
            "`storage, data, spiffs, , 0x200000`."
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
    start, table = partitions_of(board.flash, blob)
    images = {
        partition.label: partition.content(blob, start)
        for partition in table
        if partition.is_application
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
