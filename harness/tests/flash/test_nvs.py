# SPDX-License-Identifier: MIT
"""NVS partitions are read as the device reads them, and built by Espressif's generator."""

from __future__ import annotations

import struct
import zlib

import pytest
from espbench.errors import FileSystemFull, ImageError
from espbench.flash.nvs import BLOB, STRING, Entry, build, read

ENTRIES = [
    Entry("tls", "cert", STRING, b"-----BEGIN CERTIFICATE-----\n" + b"A" * 2000),
    Entry("tls", "lifetime", "i32", b"-5"),
    Entry("wifi", "sta.ssid", STRING, "Büro".encode()),
    Entry("tls", "key", BLOB, bytes(range(256)) * 36),
    Entry("wifi", "large", "u64", b"18446744073709551615"),
]


@pytest.mark.parametrize("size", [0x6000, 0x10000])
def test_round_trip(size: int) -> None:
    """Numbers, strings and blobs over several pages keep their namespaces, types and values."""
    made = build(ENTRIES, size)
    assert len(made) == size
    assert sorted(read(made), key=str) == sorted(ENTRIES, key=str)
    assert read(build([Entry("a", "b", "u8", b"7")], 0x1000)) == [Entry("a", "b", "u8", b"7")]


def test_what_a_device_leaves() -> None:
    """Of two values the later counts, an erased one does not, and a damaged one neither."""
    made = bytearray(build([Entry("a", "n", "u8", b"1"), Entry("a", "n", "u8", b"2")], 0x3000))
    assert read(bytes(made)) == [Entry("a", "n", "u8", b"2")]
    made[32] &= 0b11001111  # the third entry is erased
    assert read(bytes(made)) == [Entry("a", "n", "u8", b"1")]
    made[64 + 32 + 24] ^= 1  # the second entry's value; its checksum no longer matches
    assert read(bytes(made)) == []


def test_old_blob() -> None:
    """A blob of NVS version 1 is one item."""
    made = bytearray(build([Entry("a", "b", STRING, b"text")], 0x3000))
    made[64 + 32 + 1] = 0x41
    item = bytes(made[96:128])
    struct.pack_into("<I", made, 96 + 4, zlib.crc32(item[:4] + item[8:], 0xFFFFFFFF))
    assert read(bytes(made)) == [Entry("a", "b", BLOB, b"text\0")]


def test_nothing() -> None:
    """Erased and foreign bytes have no entries."""
    assert read(b"\xff" * 0x6000) == read(bytes(0x6000)) == read(b"") == []


def test_limits() -> None:
    """What does not fit is one sentence."""
    for entry in (Entry("a", "b", STRING, b"x" * 5000), Entry("a", "b", BLOB, bytes(50_000))):
        with pytest.raises(FileSystemFull) as caught:
            build([entry], 0x6000)
        assert str(caught.value) == (
            "a/b does not fit into an NVS partition of 24576 bytes with strings of at most 3967 "
            "bytes: use a smaller value, or a blob."
        )
    longest = Entry("a", "b", STRING, b"x" * 3967)
    assert read(build([longest], 0x6000)) == [longest]
    with pytest.raises(ImageError, match="is not UTF-8"):
        build([Entry("a", "b", STRING, b"\xff")], 0x6000)
