# SPDX-License-Identifier: MIT
"""The bytes of a partition decide which file system it has, and else its subtype."""

from __future__ import annotations

import pytest
from espbench.flash.filesystems.registry import file_system_named, format_of, may_have_files
from espbench.flash.partition_table import Partition

SIZE = 0x40000
LONG = bytes.fromhex("61001a03e0001703f8000703")
"""FatFs's table for long names."""


@pytest.mark.parametrize("subtype", [0x81, 0x82, 0x83])
@pytest.mark.parametrize("name", ["littlefs", "SPIFFS", "FAT"])
def test_bytes_first(name: str, subtype: int) -> None:
    """A file system is recognised whatever the partition's subtype is."""
    data = file_system_named(name).build({"/a": b"1"}, SIZE)
    partition = Partition("storage", 1, subtype, 0x110000, SIZE)
    assert may_have_files(partition)
    assert format_of(partition, data, LONG) == name
    assert file_system_named(name).read(data) == {"/a": b"1"} or name == "FAT"


@pytest.mark.parametrize(
    ("subtype", "firmware", "name"),
    [
        (0x81, b"", "FAT without long names"),
        (0x81, LONG, "FAT"),
        (0x81, LONG + b"\0vfs_fat_spiflash\0wl_flash\0", "FAT"),
        (0x81, LONG + b"\0vfs_fat_spiflash\0", "FAT without wear levelling"),
        (0x81, b"\0vfs_fat_spiflash\0", "FAT without both"),
        (0x82, b"", "SPIFFS"),
        (0x83, b"", "littlefs"),
    ],
)
@pytest.mark.parametrize("data", [b"", b"\xff" * SIZE])
def test_else_the_subtype(subtype: int, firmware: bytes, name: str, data: bytes) -> None:
    """A partition without content is what its subtype says."""
    assert format_of(Partition("x", 1, subtype, 0, SIZE), data, firmware) == name


def test_other_partitions() -> None:
    """Applications and other data have no files."""
    assert not may_have_files(Partition("nvs", 1, 2, 0x9000, 0x6000))
    assert not may_have_files(Partition("factory", 0, 0x81, 0x10000, 0x100000))
