# SPDX-License-Identifier: MIT
"""A merged image that ends too early is found out by its headers."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.errors import ConfigError
from espbench.flash.partition_table import TABLE_AT, Partition
from espbench.flash.truncation import Shortfall, shortfall
from tables import made
from tiny_esp32 import loadable

FACTORY = Partition("factory", 0, 0, 0x10000, 0x10000)
OTHER = Partition("ota_0", 0, 0x10, 0x20000, 0x10000)
BOOTLOADER = loadable({0x40080000: b"boot" * 500}, 0x40080000)


def application(*, hashed: bool) -> bytes:
    """Return an application with two segments."""
    image = bytearray(loadable({0x3F400020: b"text" * 300, 0x40080000: b"more" * 20}, 0x40080000))
    image[23] = hashed
    return bytes(image) + (hashlib.sha256(image).digest() if hashed else b"")


def merged(*applications: bytes, at: int = 0x1000) -> bytes:
    """Return a merged image, with its bootloader at an offset."""
    image = (b"\xff" * at + BOOTLOADER).ljust(TABLE_AT, b"\xff") + made((FACTORY, OTHER))
    for partition, data in zip((FACTORY, OTHER), applications, strict=False):
        image = image.ljust(partition.offset, b"\xff") + data
    return image


IN_FACTORY = "the application in its partition 'factory'"


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("chip", [0x1000, 0])
@pytest.mark.parametrize("stripped", [True, False])
def test_end_of_the_application(*, hashed: bool, chip: int, stripped: bool) -> None:
    """An application says how long it is, wherever the file begins; one byte less is too few."""
    whole = merged(application(hashed=hashed), at=chip)[chip if stripped else 0 :]
    length = len(application(hashed=hashed))
    assert shortfall(whole, chip) is None
    assert shortfall(whole + b"\xff" * 1000, chip) is None
    assert shortfall(whole[:-1], chip) == Shortfall(IN_FACTORY, 1)
    assert shortfall(whole[:-60], chip) == Shortfall(IN_FACTORY, 60)
    # Without the header of the second segment, its length is unknown.
    second = 24 + 8 + 1200 + 8
    assert shortfall(whole[: second - length - 100], chip) == Shortfall(
        IN_FACTORY, 100, exact=False
    )
    header = len(whole) - length
    assert shortfall(whole[: header + 30], chip) == Shortfall(IN_FACTORY, 2, exact=False)
    assert shortfall(whole[: header + 10], chip) == Shortfall(IN_FACTORY, 14, exact=False)
    assert shortfall(whole[:header], chip) == Shortfall(IN_FACTORY, 1, exact=False)


def test_other_parts() -> None:
    """The bootloader and the partition table are looked at, too; the file may end in either."""
    whole = merged(application(hashed=True))
    table = "its partition table"
    assert shortfall(whole[: 0x1000 + 500], 0x1000) == Shortfall(
        "its bootloader", len(BOOTLOADER) - 500
    )
    assert shortfall(whole[:0x7000], 0x1000) == Shortfall(table, 0x1C00, exact=False)
    assert shortfall(whole[:TABLE_AT], 0x1000) == Shortfall(table, 0xC00, exact=False)
    assert shortfall(whole[: TABLE_AT + 1], 0x1000) == Shortfall(table, 0xBFF, exact=False)
    assert shortfall(whole[: TABLE_AT + 64], 0x1000) == Shortfall(table, 0xBC0, exact=False)
    assert shortfall(whole[: TABLE_AT + 96], 0x1000) == Shortfall(
        IN_FACTORY, 0x10001 - TABLE_AT - 96, exact=False
    )


def test_several_applications() -> None:
    """A second one may be missing or erased, but not be cut."""
    one, two = application(hashed=True), application(hashed=False)
    assert shortfall(merged(one), 0x1000) is None
    assert shortfall(merged(one, b"\xff" * 50), 0x1000) is None
    assert shortfall(merged(b"\xff" * 50, two), 0x1000) is None
    assert shortfall(merged(one, two)[:-5], 0x1000) == Shortfall(
        "the application in its partition 'ota_0'", 5
    )


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"\xff" * 0x3000,
        b"not an image" * 5000,
        (b"\xff" * 0x1000 + b"\xe9").ljust(0x9000, b"\xff"),
        merged(b"\xe9" + b"\xff" * 100),
        merged(application(hashed=True))[: TABLE_AT + 40] + b"damaged" * 1000,
    ],
    ids=["empty", "erased", "text", "bootloader", "application", "table"],
)
def test_damaged(image: bytes) -> None:
    """What is not an image, or damaged, is not called truncated: its boot says what is wrong."""
    assert shortfall(image, 0x1000) is None


def test_refused(tmp_path: Path) -> None:
    """A device is not made of a truncated image; the sentence says what is missing."""
    path = tmp_path / "merged.bin"
    whole = merged(application(hashed=True))
    path.write_bytes(whole)
    Device(BOARDS["esp32"], path)
    path.write_bytes(whole[:-60])
    with pytest.raises(ConfigError) as caught:
        Device(BOARDS["esp32"], path)
    assert str(caught.value) == (
        f"{path} is truncated: the application in its partition 'factory' lacks 60 bytes at its "
        "end. Copy it again, or make it again with `idf.py merge-bin` or `esptool merge-bin`."
    )
