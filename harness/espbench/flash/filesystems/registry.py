# SPDX-License-Identifier: MIT
"""Which file system a data partition has, by its bytes or else by its subtype."""

from __future__ import annotations

from espbench.flash.filesystems.fat import Fat, knows_long_names, mounts_plain
from espbench.flash.filesystems.littlefs import Littlefs
from espbench.flash.filesystems.protocol import FileSystem
from espbench.flash.filesystems.spiffs import Spiffs
from espbench.flash.geometry import Flash
from espbench.flash.partition_table import Partition

__all__ = ["file_system_in", "file_system_named", "format_of", "may_have_files"]

FAT, SPIFFS, LITTLEFS = 0x81, 0x82, 0x83
"""Subtypes."""
_FATS = {
    (True, True): "FAT",
    (False, True): "FAT without long names",
    (True, False): "FAT without wear levelling",
    (False, False): "FAT without both",
}
"""By whether the firmware understands long names, and whether it has wear levelling."""
_FORMATS: dict[str, FileSystem] = {
    "littlefs": Littlefs(),
    "SPIFFS": Spiffs(),
    **{
        name: Fat(long_names=long_names, levelled=levelled)
        for (long_names, levelled), name in _FATS.items()
    },
}


def may_have_files(partition: Partition) -> bool:
    """Return whether a partition is meant for a file system, by its type and subtype."""
    return partition.is_data and partition.subtype in (FAT, SPIFFS, LITTLEFS)


def format_of(partition: Partition, data: bytes, firmware: bytes) -> str:
    """Return the name of the file system of a partition for which `may_have_files` is true.

    The bytes decide, because a firmware may have littlefs in a partition of another subtype;
    without bytes, the subtype does.

    Args:
        partition: the partition.
        data: its bytes; empty if the firmware is shorter.
        firmware: the whole firmware, which tells what its FAT can do.
    """
    fat = _FATS[knows_long_names(firmware), not mounts_plain(firmware)]
    for name in ("littlefs", "SPIFFS", fat):
        if _FORMATS[name].recognises(data):
            return name
    return {FAT: fat, SPIFFS: "SPIFFS", LITTLEFS: "littlefs"}[partition.subtype]


def file_system_named(name: str) -> FileSystem:
    """Return the file system whose name `format_of` has returned."""
    return _FORMATS[name]


def file_system_in(flash: Flash) -> FileSystem:
    """Return the file system of a flash."""
    if flash.files_format == "littlefs":
        return Littlefs(flash.block, flash.unit)
    return _FORMATS[flash.files_format]
