# SPDX-License-Identifier: MIT
"""SPIFFS, as ESP-IDF configures it.

Source: ESP-IDF's components/spiffs/spiffsgen.py, whose images `Spiffs.build` reproduces byte for
byte, and spiffs/src/spiffs_nucleus.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from espbench.errors import BadFileName, ImageError
from espbench.flash.filesystems.protocol import full

__all__ = ["Geometry", "Spiffs"]

BLOCK = 4096
"""Bytes of a block: ESP-IDF uses the flash's sector."""
PAGE_SIZES = (256, 512, 1024)
"""CONFIG_SPIFFS_PAGE_SIZE, the default first."""
_PAGE = struct.Struct("<HHB")
"""`spiffs_page_header`: object, span, flags."""
_HEADER = struct.Struct("<HHB3xIB")
"""`spiffs_page_object_ix_header` before the name: page header, size, type."""
_INDEX_AT = 8
"""Where the table begins in an index page that is not the object's first."""
_IS_INDEX = 0x8000
"""SPIFFS_OBJ_ID_IX_FLAG"""
_INDEX_FLAGS, _DATA_FLAGS = 0xF8, 0xFC
_USED, _FINAL, _INDEX, _DELETED = 1 << 0, 1 << 1, 1 << 2, 1 << 7
"""SPIFFS_PH_FLAG_*: all but the last are set by a 0; `_DELETED` as well."""
_FILE = 1
_FREE = 0xFFFF
_UNDEFINED = 0xFFFFFFFF
"""Size of a file that was never closed."""
_MAGIC = 0x20140529


@dataclass(frozen=True)
class Geometry:
    """A configuration of SPIFFS, with ESP-IDF's defaults.

    Attributes:
        page: bytes of a page (CONFIG_SPIFFS_PAGE_SIZE).
        name: bytes of a name with its NUL (CONFIG_SPIFFS_OBJ_NAME_LEN).
        meta: bytes of metadata (CONFIG_SPIFFS_META_LENGTH).
        with_length: whether the magic number includes the size
            (CONFIG_SPIFFS_USE_MAGIC_LENGTH).
    """

    page: int = PAGE_SIZES[0]
    name: int = 32
    meta: int = 4
    with_length: bool = True

    @property
    def pages(self) -> int:
        """Pages of a block."""
        return BLOCK // self.page

    @property
    def lookups(self) -> int:
        """Lookup pages at the start of a block."""
        return max(1, self.pages * 2 // self.page)

    @property
    def content(self) -> int:
        """Bytes of a file in a data page."""
        return self.page - _PAGE.size

    @property
    def table_at(self) -> int:
        """Where the table begins in an object's first index page."""
        return _HEADER.size + self.name + self.meta

    def magic(self, blocks: int, block: int) -> int:
        """Return the magic number of a block (SPIFFS_MAGIC)."""
        length = blocks - block if self.with_length else 0
        return (_MAGIC ^ self.page ^ length) & 0xFFFF

    def page_of(self, number: int) -> int:
        """Return the index of the n-th page that is not a lookup page."""
        block, page = divmod(number, self.pages - self.lookups)
        return block * self.pages + self.lookups + page


class Spiffs:
    """SPIFFS: flat, with paths of at most 31 bytes."""

    name = "SPIFFS"
    has_folders = False

    def __init__(self, default: Geometry | None = None) -> None:
        """Describe it: the configuration of a partition that does not show its own."""
        self._default = default or Geometry()

    def recognises(self, data: bytes) -> bool:
        """Return whether most blocks have the magic number (CONFIG_SPIFFS_USE_MAGIC)."""
        return _geometry(data) is not None

    def read(self, data: bytes) -> dict[str, bytes]:
        """Return the files in a partition by path; see `FileSystem`."""
        geometry = _geometry(data)
        if geometry is None:
            if data.strip(b"\xff"):
                raise ImageError("The partition has no SPIFFS with a magic number.")
            return {}
        files: dict[int, tuple[str, int]] = {}
        pieces: dict[int, dict[int, bytes]] = {}
        for _, page in _pages(data, geometry):
            number, span, flags = _PAGE.unpack_from(page)
            if flags & (_USED | _FINAL) or not flags & _DELETED:
                continue
            if flags & _INDEX:
                pieces.setdefault(number, {})[span] = page[_PAGE.size :]
            elif number & _IS_INDEX and span == 0:
                size, kind = _HEADER.unpack_from(page)[3:]
                text = page[_HEADER.size : _HEADER.size + geometry.name].split(b"\0")[0]
                if kind == _FILE:
                    files[number & ~_IS_INDEX] = text.decode(errors="replace"), size
        found = {}
        for number, (name, size) in files.items():
            parts = pieces.get(number, {})
            whole = b"".join(parts[span] for span in sorted(parts))
            if size != _UNDEFINED and len(whole) < size:
                raise ImageError(f"The SPIFFS is damaged: pages of {name} are missing.")
            found["/" + name.lstrip("/")] = whole[: 0 if size == _UNDEFINED else size]
        return dict(sorted(found.items()))

    def build(self, files: Mapping[str, bytes], size: int, like: bytes = b"") -> bytes:
        """Return a partition with these files; see `FileSystem`."""
        geometry = _geometry(like) or self._default
        if size % BLOCK:
            raise ImageError(
                f"A SPIFFS of {size} bytes is not a multiple of its block size of {BLOCK}: change "
                "the partition's size."
            )
        blocks = size // BLOCK
        usable = blocks * (geometry.pages - geometry.lookups)
        pages: list[tuple[int, bytes]] = []
        for number, (name, data) in enumerate(files.items(), 1):
            _check_name(name, geometry)
            pages += _object(geometry, number, name, data, len(pages))
            if len(pages) > usable:
                raise full(files, self.name, size, name)
        image = bytearray(b"\xff") * size
        for n, (number, page) in enumerate(pages):
            at = geometry.page_of(n) * geometry.page
            image[at : at + len(page)] = page
            block, entry = divmod(n, geometry.pages - geometry.lookups)
            struct.pack_into("<H", image, block * BLOCK + 2 * entry, number)
        for block in range(blocks):
            at = block * BLOCK + geometry.lookups * geometry.page - 4
            struct.pack_into("<H", image, at, geometry.magic(blocks, block))
        return bytes(image)


def _check_name(path: str, geometry: Geometry) -> None:
    if (length := len(path.encode())) >= geometry.name:
        raise BadFileName(
            f"{path} has {length} bytes, but SPIFFS allows {geometry.name - 1} for the whole path: "
            "shorten the name."
        )


def _object(
    geometry: Geometry, number: int, name: str, data: bytes, start: int
) -> list[tuple[int, bytes]]:
    """Return the pages of a file, each with its entry in the lookup page."""
    header = _HEADER.pack(number | _IS_INDEX, 0, _INDEX_FLAGS, len(data), _FILE)
    header = header[: _PAGE.size] + b"\xff" * 3 + header[_INDEX_AT:]
    first = bytearray((header + name.encode()).ljust(geometry.table_at, b"\0"))
    pages: list[tuple[int, bytearray]] = [(number | _IS_INDEX, first)]
    index = first
    for span, at in enumerate(range(0, len(data), geometry.content)):
        if len(index) + 2 > geometry.page:
            spans = sum(1 for entry, _ in pages if entry & _IS_INDEX)
            index = bytearray(_PAGE.pack(number | _IS_INDEX, spans, _INDEX_FLAGS) + b"\xff" * 3)
            pages.append((number | _IS_INDEX, index))
        index += struct.pack("<H", geometry.page_of(start + len(pages)))
        piece = _PAGE.pack(number, span, _DATA_FLAGS) + data[at : at + geometry.content]
        pages.append((number, bytearray(piece)))
    return [(entry, bytes(page)) for entry, page in pages]


def _geometry(data: bytes) -> Geometry | None:
    """Return how a partition is configured; None if most of its blocks have no magic number."""
    blocks = len(data) // BLOCK
    for page in PAGE_SIZES:
        for with_length in (True, False):
            geometry = Geometry(page, with_length=with_length)
            at = geometry.lookups * page - 4
            right = sum(
                struct.unpack_from("<H", data, n * BLOCK + at)[0] == geometry.magic(blocks, n)
                for n in range(blocks)
            )
            if right > blocks // 2:
                return _with_names(data, geometry)
    return None


def _with_names(data: bytes, geometry: Geometry) -> Geometry:
    """Return the geometry with the lengths of name and metadata, as far as a file tells them.

    Nothing stores them, but the table with the data pages begins behind them.
    """
    firsts = {
        number: index
        for index, page in _pages(data, geometry)
        for number, span, flags in [_PAGE.unpack_from(page)]
        if span == 0 and flags & _INDEX and flags & _DELETED and not flags & (_USED | _FINAL)
    }
    for _, page in _pages(data, geometry):
        number, span, flags = _PAGE.unpack_from(page)
        first = firsts.get(number & ~_IS_INDEX)
        if first is None or span or flags & _INDEX or not flags & _DELETED:
            continue
        end = page.find(b"\0", _HEADER.size)
        at = page.find(struct.pack("<H", first), end)
        length = at - _HEADER.size
        if end > 0 and length > 0:
            meta = {32: 0, 40: 8}.get(length, 4)
            return replace(geometry, name=length - meta, meta=meta)
    return geometry


def _pages(data: bytes, geometry: Geometry) -> Iterator[tuple[int, bytes]]:
    """Yield each page that may belong to a file, with its index."""
    for index in range(len(data) // geometry.page):
        page = data[index * geometry.page : (index + 1) * geometry.page]
        if index % geometry.pages >= geometry.lookups and page[:2] != b"\xff\xff":
            yield index, page
