# SPDX-License-Identifier: MIT
"""Where files and boot arguments go in the flash, with espbench's own and with other firmware."""

from __future__ import annotations

import functools
import hashlib
import operator
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS, LX60
from espbench.device.flash_layout import damage as damage_of
from espbench.device.flash_layout import device_image, fit
from espbench.errors import ConfigError, ImageError
from espbench.flash import app_image as esp_image
from espbench.flash.filesystems.registry import file_system_named
from espbench.flash.littlefs_image import read_files
from espbench.flash.partition_table import TABLE_AT, Partition
from tables import made

ESP32 = BOARDS["esp32"]
NVS = Partition("nvs", 1, 2, 0x9000, 0x6000)
ARGUMENTS = Partition("bootargs", 1, 0x40, 0xF000, 0x1000)
FACTORY = Partition("factory", 0, 0, 0x10000, 0x1F0000)
VFS = Partition("vfs", 1, 0x81, 0x200000, 0x200000)


def firmware(*partitions: Partition, length: int = 0x18000) -> bytes:
    """Return a merged binary with these partitions."""
    image = b"\xe9".ljust(TABLE_AT, b"\xff") + made(partitions)
    return image.ljust(length, b"\xff")


def test_own_firmware_matches_the_board() -> None:
    """The board's data match espbench's own partition table."""
    assert fit(ESP32.flash, firmware(NVS, ARGUMENTS, FACTORY, VFS)) == ESP32.flash


def test_board_without_a_table() -> None:
    """A board whose firmware is not in the flash has no partition table."""
    assert fit(LX60.flash, b"anything") == LX60.flash


def test_other_tables() -> None:
    """File system and size follow the firmware's table."""
    big = fit(ESP32.flash, firmware(NVS, Partition("vfs", 1, 0x81, 0x300000, 0x500000)))
    assert (big.size, big.start, big.length) == (8 << 20, 0x300000, 0x500000)
    assert big.arguments_at is None
    none = fit(ESP32.flash, firmware(NVS, FACTORY))
    assert (none.size, none.length) == (4 << 20, 0)
    assert fit(ESP32.flash, b"no table").length == 0


@pytest.mark.parametrize(
    ("version", "table", "start", "length"),
    [
        pytest.param("v1.27.0", (NVS, FACTORY), 0x200000, 0x200000, id="added at boot"),
        pytest.param("v1.26.0", (NVS, FACTORY), 0x200000, 0x200000, id="the first version"),
        pytest.param("v1.25.0", (NVS, FACTORY), 0, 0, id="an older version"),
        pytest.param("", (NVS, FACTORY), 0, 0, id="not MicroPython"),
        pytest.param(
            "v1.27.0", (NVS, Partition("ffat", 1, 0x81, 0x300000, 0x80000)), 0x300000, 0x80000,
            id="a FAT of its own",
        ),
        pytest.param(
            "v1.27.0", (NVS, Partition("factory", 0, 0, 0x10000, 0x3F0000)), 0, 0, id="no room"
        ),
    ],
)  # fmt: skip
def test_partition_that_micropython_adds(
    version: str, table: tuple[Partition, ...], start: int, length: int
) -> None:
    """Since v1.26, MicroPython uses what follows the last partition for its files."""
    banner = f"MicroPython {version} on 2025-12-09; board".encode()
    fitted = fit(ESP32.flash, firmware(*table) + banner)
    assert (fitted.size, fitted.start, fitted.length) == (4 << 20, start, length)
    assert fitted.formatted == (length == 0x200000)


def test_image_that_begins_with_the_bootloader(tmp_path: Path) -> None:
    """MicroPython's own binaries for the ESP32 are written to 0x1000."""
    whole = b"\xff" * 0x1000 + b"\xe9" + firmware(NVS, FACTORY, VFS)[0x1001:]
    flash = fit(ESP32.flash, whole[0x1000:])
    assert (flash.firmware_at, flash.start) == (0x1000, 0x200000)
    assert fit(BOARDS["esp32c3"].flash, whole[0x1000:]).length == 0
    path = tmp_path / "ESP32_GENERIC.bin"
    path.write_bytes(whole[0x1000:])
    built = device_image(ESP32, path, {"/a": b"1"}, {}).build()
    assert built[: len(whole)] == whole


def test_complete_image() -> None:
    """An image of a whole flash decides the flash's size."""
    assert fit(ESP32.flash, firmware(length=16 << 20)).size == 16 << 20
    assert fit(ESP32.flash, firmware(length=2 << 20)).size == 4 << 20
    with pytest.raises(ImageError) as caught:
        fit(ESP32.flash, firmware(length=(16 << 20) + 1))
    assert str(caught.value) == (
        "The firmware needs a flash of 16777217 bytes, but the board's machine has at most "
        "16777216: make it smaller."
    )


def test_device_image(tmp_path: Path) -> None:
    """Firmware, boot arguments and files are all in one image."""
    path = tmp_path / "firmware.bin"
    path.write_bytes(firmware(NVS, ARGUMENTS, FACTORY, VFS))
    image = device_image(ESP32, path, {"/main.py": b"1"}, {"heap": "65536"})
    data = image.build()
    assert data[:0xF000] == path.read_bytes()[:0xF000]
    line, nul, rest = data[0xF000:0x10000].partition(b"\0")
    assert line == b"wlan_ssid=MyNetwork wlan_password=SecurePassword123 heap=65536"
    assert (nul, set(rest)) == (b"\0", {0xFF})
    assert read_files(data, image.flash) == {"/main.py": b"1"}


def test_complete_image_stays_as_it_is(tmp_path: Path) -> None:
    """An image of a full flash is not changed without files or arguments."""
    path = tmp_path / "full.bin"
    whole = bytearray(firmware(NVS, FACTORY, VFS, length=4 << 20))
    whole[0x200000:0x200004] = b"their"[:4]
    path.write_bytes(whole)
    assert device_image(ESP32, path, {}, {}).build() == bytes(whole)
    other = device_image(ESP32, path, {"/a": b"1"}, {})
    assert read_files(other.build(), other.flash) == {"/a": b"1"}


@pytest.mark.parametrize("subtype", [0x81, 0x82, 0x83])
def test_other_file_systems(subtype: int, tmp_path: Path) -> None:
    """Files go to the only partition for them, in its file system; without files it stays."""
    storage = Partition("storage", 1, subtype, 0x200000, 0x100000)
    path = tmp_path / "firmware.bin"
    path.write_bytes(firmware(NVS, FACTORY, storage) + bytes.fromhex("61001a03e0001703f8000703"))
    image = device_image(ESP32, path, {"/a.txt": b"1"}, {})
    assert read_files(image.build(), image.flash) == {"/a.txt": b"1"}
    assert image.flash.files_format == {0x81: "FAT", 0x82: "SPIFFS", 0x83: "littlefs"}[subtype]
    erased = device_image(ESP32, path, {}, {}).build()[0x200000:0x300000]
    assert set(erased) == {0xFF}  # the firmware formats it


def test_file_system_of_the_image(tmp_path: Path) -> None:
    """The bytes in the image decide, such as littlefs in a partition of SPIFFS's subtype."""
    storage = Partition("storage", 1, 0x82, 0x200000, 0x40000)
    content = file_system_named("littlefs").build({"/old": b"1"}, storage.size)
    path = tmp_path / "firmware.bin"
    path.write_bytes(firmware(NVS, FACTORY, storage).ljust(storage.offset, b"\xff") + content)
    kept = device_image(ESP32, path, {}, {})
    assert read_files(kept.build(), kept.flash) == {"/old": b"1"}
    image = device_image(ESP32, path, {"/a-longer-name-than-spiffs-can-hold": b"1"}, {})
    assert list(read_files(image.build(), image.flash)) == ["/a-longer-name-than-spiffs-can-hold"]


def test_several_file_systems(tmp_path: Path) -> None:
    """Of several partitions, the user chooses one; `vfs` is chosen as before."""
    www = Partition("www", 1, 0x82, 0x200000, 0x80000)
    data = Partition("data", 1, 0x81, 0x280000, 0x80000)
    path = tmp_path / "firmware.bin"
    path.write_bytes(firmware(NVS, FACTORY, www, data))
    assert fit(ESP32.flash, path.read_bytes()).length == 0
    with pytest.raises(ConfigError) as caught:
        device_image(ESP32, path, {"/a": b"1"}, {})
    assert str(caught.value) == (
        f"{path} has several partitions for files (www, data): choose one with --files-partition, "
        "or with files-partition in the profile."
    )
    for partition in (www, data):
        image = device_image(ESP32, path, {"/A": b"1"}, {}, partition.label)
        assert image.flash.start == partition.offset
        assert read_files(image.build(), image.flash) == {"/A": b"1"}
    with pytest.raises(ConfigError) as caught:
        device_image(ESP32, path, {"/a": b"1"}, {}, "nvs")
    assert str(caught.value) == (
        "The firmware has no partition 'nvs' for a file system; it has www, data: change "
        "--files-partition, or files-partition in the profile."
    )
    path.write_bytes(firmware(NVS, FACTORY, www, replace(VFS, offset=0x300000, size=0x100000)))
    assert fit(ESP32.flash, path.read_bytes()).start == 0x300000


def test_lx60_has_a_command_line(tmp_path: Path) -> None:
    """If a kernel command line carries the arguments, the flash has none."""
    path = tmp_path / "firmware.elf"
    path.touch()
    image = device_image(LX60, path, {}, {"heap": "1"})
    assert (image.arguments, image.firmware) == ("", b"")


def test_no_partition(tmp_path: Path) -> None:
    """Files and arguments without a partition are rejected, with the remedy."""
    path = tmp_path / "other.bin"
    path.write_bytes(firmware(NVS, FACTORY))
    files = {f"/{name}": b"" for name in "abcde"}
    with pytest.raises(ConfigError) as caught:
        device_image(ESP32, path, files, {})
    assert str(caught.value) == (
        f"{path} has no partition for files, so it cannot have /a, /b, /c and 2 more files: omit "
        "the files, or add a line to its partition table such as "
        "`storage, data, spiffs, , 0x200000`."
    )
    with pytest.raises(ConfigError) as caught:
        device_image(ESP32, path, {}, {"heap": "1", "dhcp": "0"})
    assert str(caught.value) == (
        f"{path} has no partition 'bootargs', so it cannot take heap, dhcp: omit the boot "
        "arguments, or add the line `bootargs, data, 0x40, , 0x1000` to its partition table."
    )
    assert device_image(ESP32, path, {}, {}).arguments == ""


def application(*segments: bytes, hashed: bool = True) -> bytes:
    """Return an application image as esptool builds it, with its checksum."""
    data = struct.pack("<BBBBI 15x B", 0xE9, len(segments), 0, 0, 0x40080000, hashed)
    for segment in segments:
        data += struct.pack("<II", 0x3F400020, len(segment)) + segment
    data = data.ljust(len(data) // 16 * 16 + 15, b"\0")
    data += bytes([functools.reduce(operator.xor, b"".join(segments), 0xEF)])
    return data + (hashlib.sha256(data).digest() if hashed else b"")


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (lambda image: image + b"\xff" * 100, ""),
        (lambda image: image[:30], "is truncated"),
        (lambda image: image[:70], "is truncated"),
        (lambda image: image[:-1], "is truncated"),
        (lambda image: image[:40] + b"X" + image[41:], "is damaged: its checksum does not match"),
        (lambda image: b"\x7fELF" + image, "does not begin with 0xe9"),
    ],
)
def test_applications(change: Callable[[bytes], bytes], flaw: str, *, hashed: bool) -> None:
    """Flaws that the bootloader would not report are found, with and without a hash."""
    assert esp_image.flaw(change(application(b"code" * 10, b"more", hashed=hashed))) == flaw


def test_damage(tmp_path: Path) -> None:
    """A firmware is damaged if none of its applications can boot, wherever the file begins."""
    other = Partition("ota_0", 0, 0x10, 0x18000, 0x8000)
    path = tmp_path / "firmware.bin"

    def damage(*applications: bytes, skip: int = 0) -> str:
        image = firmware(NVS, replace(FACTORY, size=0x8000), other, length=0x10000)
        image += b"".join(data.ljust(0x8000, b"\xff") for data in applications)
        path.write_bytes(image[skip:])
        return damage_of(ESP32, path)

    good, cut = application(b"code" * 10), application(b"code" * 10)[:40].ljust(0x8000, b"\xff")
    assert damage(good) == damage(good, skip=0x1000) == damage(cut, good) == ""
    bad = "the application in its partition 'factory' is damaged: its checksum does not match"
    assert damage(cut) == damage(cut, skip=0x1000) == bad
    assert damage(b"") == ""
    path.write_bytes(b"no table")
    assert damage_of(ESP32, path) == damage_of(LX60, path) == ""
