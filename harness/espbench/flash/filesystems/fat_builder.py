# SPDX-License-Identifier: MIT
"""Builds a FAT12 or FAT16 volume as ESP-IDF's components/fatfs/fatfsgen.py does.

Source: Microsoft's "FAT: General Overview of On-Disk Format" (fatgen103).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from espbench.errors import BadFileName, ImageError
from espbench.flash.filesystems.fat_volume import (
    DIRECTORY,
    ENTRY,
    FAT12_MOST,
    FAT16_MOST,
    LONG,
    checksum,
)
from espbench.flash.filesystems.protocol import full

__all__ = ["build"]

ROOTS = 512
"""Entries of the root folder."""
FATS = 2
ARCHIVE = 0x20
DATE = (2020 - 1980) << 9 | 1 << 5 | 1
"""1 January 2020, so that an image depends on its content alone."""
LONGEST = 255
"""Most characters of a long name."""
_SHORT = re.compile(r"([^.]{1,8})(?:\.([^.]{1,3}))?")
_SHORT_CHARACTERS = re.compile(r"[A-Z0-9!#$%&'()@^_`{}~-]*")
_LONG_REFUSES = re.compile(r'[\x00-\x1f"*/:<>?\\|\x7f]')


@dataclass
class _Folder:
    files: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, _Folder] = field(default_factory=dict)


def build(files: Mapping[str, bytes], size: int, sector: int, *, long_names: bool) -> bytes:
    """Return a volume with these files.

    Args:
        files: content by absolute path.
        size: bytes of the volume.
        sector: bytes of a sector and of a cluster.
        long_names: whether the firmware understands names other than 8.3
            (CONFIG_FATFS_LFN_HEAP or CONFIG_FATFS_LFN_STACK).

    Raises:
        FileSystemFull: the files do not fit.
        BadFileName: a name is not possible.
        ImageError: the size is not possible.
    """
    volume = _Volume(size, sector, long_names)
    root = _Folder()
    for path, data in files.items():
        *parents, name = path.strip("/").split("/")
        folder = root
        for parent in parents:
            folder = folder.folders.setdefault(parent, _Folder())
        folder.files[name] = data
    try:
        entries = volume.entries_of(root, None, "")
        if len(entries) > ROOTS * ENTRY:
            raise _NoSpaceError("/")
    except _NoSpaceError as error:
        raise full(files, "FAT", size, str(error)) from None
    return volume.finished(entries)


class _NoSpaceError(Exception):
    """No cluster is free."""


class _Volume:
    def __init__(self, size: int, sector: int, long_names: bool) -> None:
        sectors = size // sector
        root = ROOTS * ENTRY // sector
        self._sector, self._sectors, self._long_names = sector, sectors, long_names
        # ESP-IDF's fatfsparse.py does not read the size of a FAT: it expects one for all sectors.
        for half_bytes in (3, 4):
            per_fat = -(-(sectors + 2) * half_bytes // 2 // sector)
            clusters = sectors - 1 - FATS * per_fat - root
            if clusters <= FAT12_MOST:
                break
        if clusters < 1 or clusters > FAT16_MOST:
            raise ImageError(
                f"A FAT with sectors of {sector} bytes cannot have {size} bytes: change the "
                "partition's size."
            )
        self._per_fat, self._clusters = per_fat, clusters
        self._data: list[bytes] = []
        self._links = [0xFF8, 0xFFF] if clusters <= FAT12_MOST else [0xFFF8, 0xFFFF]
        self._end = self._links[1]

    def entries_of(self, folder: _Folder, parent: int | None, path: str) -> bytes:
        """Store what is in a folder, and return its entries; `parent` as `_folder` has it."""
        made = b""
        taken: set[bytes] = set()
        for name, data in folder.files.items():
            first = self._store(data, f"{path}/{name}") if data else 0
            made += self._entry(f"{path}/{name}", taken, ARCHIVE, first, len(data))
        for name, below in folder.folders.items():
            first = self._folder(below, parent or 0, f"{path}/{name}")
            made += self._entry(f"{path}/{name}", taken, DIRECTORY, first, 0)
        return made

    def _folder(self, folder: _Folder, parent: int, path: str) -> int:
        """Store a folder, and return its first cluster; `parent` is 0 for the root."""
        slots = 2 + sum(
            1 + -(-len(name.encode("utf-16-le")) // 26) for name in (*folder.files, *folder.folders)
        )
        first = self._store(bytes(slots * ENTRY), path)
        dots = _entry(b".".ljust(11), DIRECTORY, first, 0)
        dots += _entry(b"..".ljust(11), DIRECTORY, parent, 0)
        made = dots + self.entries_of(folder, first, path)
        for n in range(-(-slots * ENTRY // self._sector)):
            piece = made[n * self._sector : (n + 1) * self._sector]
            self._data[first - 2 + n] = piece.ljust(self._sector, b"\0")
        return first

    def _store(self, data: bytes, path: str) -> int:
        """Store data in new clusters, and return the first of them."""
        first = len(self._links)
        count = -(-len(data) // self._sector)
        if len(self._data) + count > self._clusters:
            raise _NoSpaceError(path)
        self._links += [*range(first + 1, first + count), self._end]
        for at in range(0, len(data), self._sector):
            self._data.append(data[at : at + self._sector].ljust(self._sector, b"\0"))
        return first

    def _entry(self, path: str, taken: set[bytes], attributes: int, first: int, size: int) -> bytes:
        """Return the entries of a file or folder; its long name comes first."""
        name = path.rpartition("/")[2]
        short = _short(name)
        if short is not None:
            taken.add(short)
            before = b"" if name == name.upper() or not self._long_names else _long(name, short)
            return before + _entry(short, attributes, first, size)
        if not self._long_names:
            raise BadFileName(
                f"{path} is not an 8.3 name, and this firmware's FAT has no long names: shorten "
                "it, or set CONFIG_FATFS_LFN_HEAP=y in the firmware."
            )
        if _LONG_REFUSES.search(name) or len(name) > LONGEST or name[-1] in ". ":
            raise BadFileName(f"{path} is not a valid FAT file name: rename the file.")
        alias = _alias(name, taken)
        taken.add(alias)
        return _long(name, alias) + _entry(alias, attributes, first, size)

    def finished(self, root: bytes) -> bytes:
        """Return the volume."""
        sector, few = self._sector, self._sectors if self._sectors < 0x10000 else 0
        boot = bytearray(sector)
        boot[:11] = b"\xeb\xfe\x90MSDOS5.0"
        struct.pack_into(
            "<HBHBHHBHHHII", boot, 11, sector, 1, 1, FATS, ROOTS, few, 0xF8, self._per_fat,
            0x3F, 0xFF, 0, 0 if few else self._sectors,
        )  # fmt: skip
        small = self._end == 0xFFF
        struct.pack_into("<BBBI11s8s", boot, 36, 0x80, 0, 0x29, 0x65737062, b"NO NAME    ",
                         b"FAT12   " if small else b"FAT16   ")  # fmt: skip
        boot[510:512] = b"\x55\xaa"
        links = self._links
        fat = _packed12(links) if small else struct.pack(f"<{len(links)}H", *links)
        fat = fat.ljust(self._per_fat * sector, b"\0")
        image = bytes(boot) + FATS * fat + root.ljust(ROOTS * ENTRY, b"\0") + b"".join(self._data)
        return image.ljust(self._sectors * sector, b"\0")


def _packed12(links: list[int]) -> bytes:
    made = b""
    for n in range(0, len(links), 2):
        pair = links[n] | (links[n + 1] if n + 1 < len(links) else 0) << 12
        made += pair.to_bytes(3, "little")
    return made


def _short(name: str) -> bytes | None:
    """Return a name as an 8.3 name in upper case; None if it is not one."""
    match = _SHORT.fullmatch(name.upper())
    if match is None or not all(_SHORT_CHARACTERS.fullmatch(part or "") for part in match.groups()):
        return None
    return f"{match[1]:8}{match[2] or '':3}".encode()


def _alias(name: str, taken: set[bytes]) -> bytes:
    """Return a free 8.3 name for a long one, such as CERTIF~1.PEM."""
    body, _, suffix = name.upper().lstrip(".").rpartition(".")
    if not body:
        body, suffix = suffix, ""
    body, suffix = (re.sub(r"[^A-Z0-9_-]", "", part) for part in (body, suffix))
    number = 1
    while True:
        tail = f"~{number}"
        alias = f"{body[: 8 - len(tail)] + tail:8}{suffix[:3]:3}".encode()
        if alias not in taken:
            return alias
        number += 1


def _long(name: str, short: bytes) -> bytes:
    """Return the entries of a long name, the last one first."""
    text = name.encode("utf-16-le")
    count = -(-len(text) // 26)
    if len(text) % 26:
        text = (text + b"\0\0").ljust(count * 26, b"\xff")
    made = b""
    for number in range(count, 0, -1):
        part = text[(number - 1) * 26 : number * 26]
        order = number | (0x40 if number == count else 0)
        made += struct.pack(
            "<B10sBBB12sH4s", order, part[:10], LONG, 0, checksum(short), part[10:22], 0, part[22:]
        )
    return made


def _entry(short: bytes, attributes: int, first: int, size: int) -> bytes:
    return struct.pack(
        "<11sBBBHHHHHHHI", short, attributes, 0, 0, 0, DATE, DATE, 0, 0, DATE, first, size
    )
