# SPDX-License-Identifier: MIT
"""Reads a FAT volume: FAT12, FAT16 and FAT32, with long names.

Source: Microsoft's "FAT: General Overview of On-Disk Format" (fatgen103).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from espbench.errors import ImageError

__all__ = ["FatVolume", "checksum", "is_volume"]

ENTRY = 32
"""Bytes of an entry of a folder."""
DIRECTORY, LABEL, LONG = 0x10, 0x08, 0x0F
FAT12_MOST, FAT16_MOST = 4084, 65524
"""Most clusters of a FAT12 and of a FAT16."""
_BPB = struct.Struct("<11xHBHBHHBH8xII")
"""Bytes per sector, sectors per cluster, reserved sectors, FATs, root entries, sectors (16 bits),
media, sectors per FAT (16 bits), sectors (32 bits), sectors per FAT (32 bits)."""
_LOWER_BODY, _LOWER_SUFFIX = 0x08, 0x10
"""Bits of DIR_NTRes: name and suffix are in lower case (an extension of Windows NT)."""
_DEEPEST = 16


def is_volume(data: bytes) -> bool:
    """Return whether data begin with a FAT's boot sector."""
    if len(data) < 512 or data[510:512] != b"\x55\xaa" or data[0] not in (0xEB, 0xE9):
        return False
    sector, cluster, reserved, fats, *_ = _BPB.unpack_from(data)
    powers = sector in (512, 1024, 2048, 4096) and cluster and not cluster & (cluster - 1)
    return bool(powers and reserved and fats in (1, 2))


class FatVolume:
    """A FAT volume.

    Attributes:
        sector: bytes of a sector.
        size: bytes of the volume.
    """

    def __init__(self, data: bytes) -> None:
        """Look at the boot sector.

        Raises:
            ImageError: the data do not begin with one.
        """
        if not is_volume(data):
            raise ImageError("The partition has no FAT: its boot sector is missing.")
        self._data = data
        sector, cluster, reserved, fats, roots, few, _, short, many, long = _BPB.unpack_from(data)
        self.sector = sector
        self.size = (few or many) * sector
        self._cluster = cluster * sector
        self._fat = reserved * sector
        self._root = self._fat + fats * (short or long) * sector
        self._root_size = -(-roots * ENTRY // sector) * sector
        self._clusters_at = self._root + self._root_size
        self._clusters = max(0, self.size - self._clusters_at) // self._cluster
        self._root_cluster = 0 if short else struct.unpack_from("<I", data, 44)[0]

    def read(self) -> dict[str, bytes]:
        """Return the files by path.

        Raises:
            ImageError: the volume is damaged.
        """
        if self._root_cluster:
            root = self._chain(self._root_cluster)
        else:
            root = self._data[self._root : self._root + self._root_size]
        return dict(sorted(self._walk("", root, 0)))

    def _walk(self, folder: str, entries: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
        if depth > _DEEPEST:
            raise ImageError(f"The FAT is damaged: {folder} is too deep.")
        for name, attributes, cluster, size in _entries(entries):
            path = f"{folder}/{name}"
            if attributes & DIRECTORY:
                yield from self._walk(path, self._chain(cluster), depth + 1)
            else:
                content = self._chain(cluster) if size else b""
                if len(content) < size:
                    raise ImageError(f"The FAT is damaged: {path} is cut off.")
                yield path, content[:size]

    def _chain(self, cluster: int) -> bytes:
        parts: list[bytes] = []
        while 2 <= cluster < self._clusters + 2:
            if len(parts) > self._clusters:
                raise ImageError("The FAT is damaged: a cluster chain loops.")
            at = self._clusters_at + (cluster - 2) * self._cluster
            parts.append(self._data[at : at + self._cluster])
            cluster = self._next(cluster)
        return b"".join(parts)

    def _next(self, cluster: int) -> int:
        try:
            if self._clusters <= FAT12_MOST:
                pair = struct.unpack_from("<H", self._data, self._fat + cluster * 3 // 2)[0]
                return int(pair >> 4 if cluster & 1 else pair & 0xFFF)
            if self._clusters <= FAT16_MOST:
                return int(struct.unpack_from("<H", self._data, self._fat + cluster * 2)[0])
            return int(struct.unpack_from("<I", self._data, self._fat + cluster * 4)[0] & 0xFFFFFFF)
        except struct.error:
            raise ImageError("The FAT is truncated: copy or build the image again.") from None


def checksum(short: bytes) -> int:
    """Return the checksum of a short name, which each entry of its long name has."""
    total = 0
    for byte in short:
        total = ((total >> 1) | (total << 7 & 0x80)) + byte & 0xFF
    return total


def _entries(data: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Yield name, attributes, first cluster and size of each file and folder."""
    long: dict[int, bytes] = {}
    sums: set[int] = set()
    for at in range(0, len(data) - ENTRY + 1, ENTRY):
        entry = data[at : at + ENTRY]
        if entry[0] == 0:
            return
        attributes = entry[11]
        if entry[0] == 0xE5:
            long, sums = {}, set()
        elif attributes & 0x3F == LONG:
            long[entry[0] & 0x3F] = entry[1:11] + entry[14:26] + entry[28:32]
            sums.add(entry[13])
        else:
            short = entry[:11]
            name = _long(long) if long and sums == {checksum(short)} else _short(short, entry[12])
            long, sums = {}, set()
            if not attributes & LABEL and name not in (".", ".."):
                high, low, size = struct.unpack_from("<H4xHI", entry, 20)
                yield name, attributes, high << 16 | low, size


def _long(parts: dict[int, bytes]) -> str:
    text = b"".join(parts[number] for number in sorted(parts)).decode("utf-16-le", "replace")
    return text.split("\0")[0].rstrip("\uffff")


def _short(name: bytes, case: int) -> str:
    first = b"\xe5" if name[:1] == b"\x05" else name[:1]
    body = (first + name[1:8]).decode("cp437").rstrip()
    suffix = name[8:].decode("cp437").rstrip()
    body = body.lower() if case & _LOWER_BODY else body
    suffix = suffix.lower() if case & _LOWER_SUFFIX else suffix
    return f"{body}.{suffix}" if suffix else body
