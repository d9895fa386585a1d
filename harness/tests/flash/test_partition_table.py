# SPDX-License-Identifier: MIT
"""ESP-IDF's partition tables, as made by gen_esp32part.py, are parsed, and damage is detected."""

from __future__ import annotations

import contextlib

import pytest
from espbench.errors import ImageError
from espbench.flash.partition_table import TABLE_AT, Partition, of_image, parse
from hypothesis import given
from hypothesis import strategies as st
from tables import made

# Output of gen_esp32part.py of ESP-IDF v5.4.1 for MicroPython's partitions-4MiB.csv.
MICROPYTHON = bytes.fromhex(
    "aa50010200900000006000006e76730000000000000000000000000000000000"
    "aa50010100f00000001000007068795f696e6974000000000000000000000000"
    "aa5000000000010000001f00666163746f727900000000000000000000000000"
    "aa50018100002000000020007666730000000000000000000000000000000000"
    "ebebfffffffffffffffffffffffffffffcbb2b925747711e3b24bc188f657bac"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
)

numbers = st.integers(0, 2**32 - 1)
labels = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=16)
entries = st.builds(
    Partition, labels, st.integers(0, 255), st.integers(0, 255), numbers, numbers, numbers
)


@given(st.lists(entries, max_size=95), st.booleans())
def test_round_trip(partitions: list[Partition], md5: bool) -> None:
    """Every table is read back, with and without its MD5 sum."""
    if partitions:
        assert parse(made(partitions, md5=md5)) == tuple(partitions)


@given(st.binary(max_size=4096))
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a table, no table, or a damaged one; no other error occurs."""
    with contextlib.suppress(ImageError):
        assert len(parse(data)) <= 96


@given(st.lists(entries, min_size=1, max_size=8), st.data())
def test_every_flipped_bit_is_seen(partitions: list[Partition], data: st.DataObject) -> None:
    """A table with a flipped bit is damaged, or not a table; it is never a different table."""
    table = bytearray(made(partitions))
    bit = data.draw(st.integers(0, 8 * 32 * (len(partitions) + 1) - 1))
    table[bit // 8] ^= 1 << bit % 8
    try:
        found = parse(bytes(table))
    except ImageError:
        return
    assert found == ()


def test_micropython() -> None:
    """MicroPython's table for 4 MiB is parsed."""
    assert parse(MICROPYTHON) == (
        Partition("nvs", 1, 2, 0x9000, 0x6000),
        Partition("phy_init", 1, 1, 0xF000, 0x1000),
        Partition("factory", 0, 0, 0x10000, 0x1F0000),
        Partition("vfs", 1, 0x81, 0x200000, 0x200000),
    )
    assert parse(MICROPYTHON)[-1].end == 0x400000


def test_in_an_image() -> None:
    """The table is found at its offset, also in an image that begins with the bootloader."""
    table = made([Partition("vfs", 1, 0x81, 0x200000, 0x200000)])
    whole = b"\xff" * TABLE_AT + table
    assert of_image(whole) == of_image(whole[0x1000:], 0x1000) != ()
    assert of_image(b"\xe9 an app") == ()
    assert of_image(whole, 0x10000) == ()


def test_damage() -> None:
    """The error for a damaged table says what to do."""
    table = bytearray(made([Partition("a", 1, 2, 0, 1), Partition("b", 1, 2, 1, 1)]))
    table[4] ^= 1
    with pytest.raises(ImageError) as caught:
        parse(bytes(table))
    assert str(caught.value) == (
        "The firmware's partition table does not match its MD5 sum: rebuild the image."
    )
    with pytest.raises(ImageError) as caught:
        parse(bytes(table[:48]))
    assert str(caught.value) == (
        "Entry 1 of the firmware's partition table is damaged: rebuild the image."
    )
