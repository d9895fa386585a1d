# SPDX-License-Identifier: MIT
"""Reads and builds NVS partitions: numbers, strings and blobs by namespace and key.

Source: ESP-IDF's components/nvs_flash/src/nvs_page.hpp and
nvs_partition_tool/nvs_parser.py. Espressif's generator builds them.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from espbench.errors import FileSystemFull, ImageError

__all__ = ["BLOB", "STRING", "SUBTYPE", "Entry", "build", "read"]

SUBTYPE = 2
"""Subtype of an NVS partition, as gen_esp32part.py numbers them."""
PAGE = 4096
STRING, BLOB = "string", "blob"
_NUMBERS = {
    0x01: "u8", 0x11: "i8", 0x02: "u16", 0x12: "i16", 0x04: "u32", 0x14: "i32", 0x08: "u64",
    0x18: "i64",
}  # fmt: skip
_STRING, _BLOB, _BLOB_PART, _BLOB_INDEX = 0x21, 0x41, 0x42, 0x48
_USED = (0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8)
"""States of a page with entries: active, full, and being freed."""
_WRITTEN = 0b10
"""State of an entry."""
_ITEM = struct.Struct("<BBBBI16s8s")
"""Namespace, type, span, chunk, CRC, key, data (`nvs::Item`)."""
_ITEMS = 126
"""Items of a page, behind its header and the states."""
_SMALLEST = 3 * PAGE
"""Size of a partition that the device can write to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value in NVS.

    Attributes:
        namespace, key: its name, each at most 15 bytes.
        kind: u8, i8, u16, ... i64, `STRING` or `BLOB`.
        value: the bytes of a string (without its NUL) or blob, or the number in decimal.
    """

    namespace: str
    key: str
    kind: str
    value: bytes

    @property
    def name(self) -> str:
        """Namespace and key, as in `tls/cert`."""
        return f"{self.namespace}/{self.key}"


def read(data: bytes) -> list[Entry]:
    """Return the entries of a partition in their order; none if it is erased or encrypted."""
    namespaces: dict[int, str] = {}
    found: dict[tuple[int, str, str], bytes] = {}
    parts: dict[tuple[int, str, int], bytes] = {}
    indices: dict[tuple[int, str], tuple[int, int, int]] = {}
    for space, kind, chunk, key, fields, content in _items(data):
        if kind in _NUMBERS:
            name = _NUMBERS[kind]
            number = int.from_bytes(fields[: kind & 0xF], "little", signed=bool(kind & 0x10))
            if space == 0:
                namespaces[number] = key
            else:
                found[space, key, name] = str(number).encode()
        elif kind == _STRING:
            found[space, key, STRING] = content.split(b"\0")[0]
        elif kind == _BLOB:
            found[space, key, BLOB] = content
        elif kind == _BLOB_PART:
            parts[space, key, chunk] = content
        elif kind == _BLOB_INDEX:
            indices[space, key] = struct.unpack_from("<IBB", fields)
            found[space, key, BLOB] = b""
    for (space, key), (size, count, start) in indices.items():
        pieces = [parts.get((space, key, start + n)) for n in range(count)]
        if None not in pieces:
            found[space, key, BLOB] = b"".join(p for p in pieces if p is not None)[:size]
        else:
            del found[space, key, BLOB]
    return [
        Entry(namespaces[space], key, kind, value)
        for (space, key, kind), value in found.items()
        if space in namespaces
    ]


def _items(data: bytes) -> Iterator[tuple[int, int, int, str, bytes, bytes]]:
    """Yield namespace, type, chunk, key, fields and content of each item, the oldest first."""
    pages = []
    for at in range(0, len(data) - PAGE + 1, PAGE):
        state, sequence = struct.unpack_from("<II", data, at)
        crc = struct.unpack_from("<I", data, at + 28)[0]
        if state in _USED and zlib.crc32(data[at + 4 : at + 28], 0xFFFFFFFF) == crc:
            pages.append((sequence, data[at : at + PAGE]))
    for _, page in sorted(pages):
        number = 0
        while number < _ITEMS:
            at = 64 + number * _ITEM.size
            raw = page[at : at + _ITEM.size]
            space, kind, span, chunk, crc, key, fields = _ITEM.unpack(raw)
            written = page[32 + number // 4] >> number % 4 * 2 & 3 == _WRITTEN
            if not written or zlib.crc32(raw[:4] + raw[8:], 0xFFFFFFFF) != crc:
                number += 1
                continue
            size = struct.unpack_from("<H", fields)[0] if span > 1 else 0
            content = page[at + _ITEM.size : at + _ITEM.size + size]
            number += max(1, span)
            yield space, kind, chunk, key.split(b"\0")[0].decode(errors="replace"), fields, content


def build(entries: Iterable[Entry], size: int) -> bytes:
    """Return a partition with these entries.

    Args:
        entries: the entries.
        size: bytes of the partition.

    Raises:
        FileSystemFull: they do not fit, or one is larger than NVS allows.
        ImageError: one cannot be stored.
    """
    from esp_idf_nvs_partition_gen import nvs_partition_gen as generator

    file = io.BytesIO()
    small = size < _SMALLEST
    name = "its header"
    try:
        nvs = generator.NVS(
            file, size if small else size - PAGE, generator.Page.VERSION2, read_only=small
        )
        with nvs:
            for entry in entries:
                name = entry.name
                nvs.write_namespace(entry.namespace)
                value = entry.value if entry.kind == BLOB else entry.value.decode()
                kind = "binary" if entry.kind == BLOB else entry.kind
                nvs.write_entry(entry.key, value, kind, nvs.get_namespace_idx())
    except _errors(generator) as error:
        raise FileSystemFull(
            f"{name} does not fit into an NVS partition of {size} bytes with strings of at most "
            "3967 bytes: use a smaller value, or a blob."
        ) from error
    except UnicodeDecodeError as error:
        raise ImageError(f"The string {name} in NVS is not UTF-8: store it as a blob.") from error
    return file.getvalue().ljust(size, b"\xff")


def _errors(generator: Any) -> tuple[type[Exception], ...]:
    return generator.PageFullError, generator.InsufficientSizeError, generator.InputError
