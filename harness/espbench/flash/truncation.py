# SPDX-License-Identifier: MIT
"""Finds out whether a merged image ends too early, by the headers of what it should contain; pure.

Sources: ESP-IDF's components/bootloader_support/include/esp_app_format.h (image and segment
headers) and components/partition_table/gen_esp32part.py (the table).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from espbench.errors import ImageError
from espbench.flash.app_image import MAGIC, size
from espbench.flash.partition_table import TABLE_AT, TABLE_LENGTH, Partition, is_whole, of_image

__all__ = ["Shortfall", "shortfall"]


@dataclass(frozen=True)
class Shortfall:
    """What an image lacks at its end.

    Attributes:
        part: what is cut off, such as "its bootloader".
        missing: bytes that it lacks.
        exact: whether that is all; otherwise its own header is cut, and more may be missing.
    """

    part: str
    missing: int
    exact: bool = True

    def __str__(self) -> str:
        """Return it as part of a sentence."""
        least = "" if self.exact else "at least "
        unit = "byte" if self.missing == 1 else "bytes"
        return f"{self.part} lacks {least}{self.missing:,} {unit} at its end"


def shortfall(image: bytes, bootloader_at: int) -> Shortfall | None:
    """Return what a merged image lacks at its end; None if it is whole, or not recognised.

    Args:
        image: the file, which begins at offset 0 of the flash or at the bootloader's.
        bootloader_at: the bootloader's offset in the flash of this chip.
    """
    for start in dict.fromkeys((bootloader_at, 0)):  # at 0 there may be anything before it
        at = bootloader_at - start
        if image[at : at + 1] == bytes((MAGIC,)):
            return _cut(image, bootloader_at, start)
    return None


def _cut(image: bytes, bootloader_at: int, start: int) -> Shortfall | None:
    end = start + len(image)
    boot = _image_cut(image[bootloader_at - start :], TABLE_AT - bootloader_at)
    if boot is not None:
        return Shortfall("its bootloader", *boot)
    if end < TABLE_AT + TABLE_LENGTH and not is_whole(image[max(0, TABLE_AT - start) :]):
        return Shortfall("its partition table", TABLE_AT + TABLE_LENGTH - end, exact=False)
    try:
        table = of_image(image, start)
    except ImageError:
        return None  # damaged, which is reported elsewhere
    return next(_applications_cut(image, table, start), None)


def _applications_cut(image: bytes, table: Sequence[Partition], start: int) -> Iterator[Shortfall]:
    """Yield what the applications lack; one that was never written lacks nothing."""
    end = start + len(image)
    applications = sorted(
        (each for each in table if each.is_application), key=lambda each: each.offset
    )
    for each in applications:
        part = f"the application in its partition {each.label!r}"
        if each.offset >= end:
            if each is applications[0]:
                yield Shortfall(part, each.offset + 1 - end, exact=False)
            return
        cut = _image_cut(image[each.offset - start :], each.size)
        if cut is not None:
            yield Shortfall(part, *cut)


def _image_cut(data: bytes, room: int) -> tuple[int, bool] | None:
    """Return how many bytes an image lacks, and whether that is all; None if it is whole.

    Args:
        data: from the first byte of the image to the end of the file.
        room: bytes that it may have; one that claims more is damaged, not cut.
    """
    if data[:1] != bytes((MAGIC,)):
        return None
    needed, exact = size(data)
    return (needed - len(data), exact) if len(data) < needed <= room else None
