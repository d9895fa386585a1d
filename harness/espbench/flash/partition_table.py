# SPDX-License-Identifier: MIT
"""Reads ESP-IDF's partition table (components/partition_table/gen_esp32part.py) from an image."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from espbench.errors import ImageError

TABLE_AT = 0x8000
"""Default offset of the table (CONFIG_PARTITION_TABLE_OFFSET)."""
TABLE_LENGTH = 0xC00
"""Maximum size of the table: 96 entries."""

APPLICATION, DATA = 0, 1
"""Types of a partition."""

_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"
_MD5 = b"\xeb\xeb" + b"\xff" * 14
_END = b"\xff" * _ENTRY.size


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of the table.

    Attributes:
        label: name of the partition.
        kind, subtype: numbers as in gen_esp32part.py; kind 0 is app, 1 is data.
        offset, size: in bytes.
        flags: bit 0 is "encrypted".
    """

    label: str
    kind: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        """Offset of the first byte behind the partition."""
        return self.offset + self.size

    @property
    def is_application(self) -> bool:
        """Whether it is for an application."""
        return self.kind == APPLICATION

    @property
    def is_data(self) -> bool:
        """Whether it is for data."""
        return self.kind == DATA

    def content(self, image: bytes, begins_at: int) -> bytes:
        """Return its bytes in an image; fewer, or none, if the image ends before it does.

        Args:
            image: the image.
            begins_at: where its first byte belongs in the flash.
        """
        return image[self.offset - begins_at : self.end - begins_at]


def parse(table: bytes) -> tuple[Partition, ...]:
    """Return the partitions in a binary table; empty if there is no table.

    Raises:
        ImageError: the table is damaged.
    """
    found: list[Partition] = []
    for position in range(0, min(len(table), TABLE_LENGTH), _ENTRY.size):
        entry = table[position : position + _ENTRY.size]
        if entry == _END or (not found and entry[:2] != _MAGIC):
            return tuple(found)
        if entry.startswith(_MD5):
            if hashlib.md5(table[:position], usedforsecurity=False).digest() != entry[16:]:
                raise ImageError(
                    "The firmware's partition table does not match its MD5 sum: rebuild the image."
                )
            return tuple(found)
        if len(entry) < _ENTRY.size or entry[:2] != _MAGIC:
            raise ImageError(
                f"Entry {len(found)} of the firmware's partition table is damaged: "
                "rebuild the image."
            )
        _, kind, subtype, offset, size, label, flags = _ENTRY.unpack(entry)
        name = label.split(b"\0")[0].decode(errors="replace")
        found.append(Partition(name, kind, subtype, offset, size, flags))
    return tuple(found)


def is_whole(data: bytes) -> bool:
    """Return whether data has a table to its end, or no table at all.

    Args:
        data: from the table's first byte to the end of the file; empty if it ends before that.
    """
    for position in range(0, min(len(data), TABLE_LENGTH), _ENTRY.size):
        entry = data[position : position + _ENTRY.size]
        if len(entry) == _ENTRY.size and (entry == _END or entry.startswith(_MD5)):
            return True
        if position == 0 and len(entry) > 1 and entry[:2] != _MAGIC:
            return True
    return len(data) >= TABLE_LENGTH


def of_image(image: bytes, starts_at: int = 0) -> tuple[Partition, ...]:
    """Return the partitions of a flash image whose first byte belongs at `starts_at`.

    Raises:
        ImageError: see `parse`.
    """
    start = TABLE_AT - starts_at
    return parse(image[start : start + TABLE_LENGTH]) if start >= 0 else ()
