# SPDX-License-Identifier: MIT
"""Flash images hold the given files, and errors say why they cannot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.errors import BadFileName, ConfigError, DiskFull, FileSystemFull, ImageError
from espbench.flash.geometry import Flash
from espbench.flash.littlefs_image import Image, check_name, normalise, read_files

SMALL = Flash(size=256 << 10, start=64 << 10, length=128 << 10, block=4096, unit=32)


def test_read_back() -> None:
    """The files in the image are those that were given."""
    files = normalise({"/main.py": "print('ä')", "certs/a/b.pem": b"\0" * 9000, "/empty": b""})
    image = Image(LX60.flash, files).build()
    assert len(image) == LX60.flash.size
    assert read_files(image, LX60.flash) == {
        "/main.py": "print('ä')".encode(),
        "/certs/a/b.pem": b"\0" * 9000,
        "/empty": b"",
    }


def test_outside_is_erased() -> None:
    """Outside the file system, the flash is erased."""
    image = Image(SMALL, {"/a": b"1"}).build()
    assert set(image[: SMALL.start]) == {0xFF}
    assert set(image[SMALL.start + SMALL.length :]) == {0xFF}
    assert read_files(image, SMALL) == {"/a": b"1"}


def test_firmware_beside_it() -> None:
    """A firmware that shares the flash is at its offset."""
    flash = Flash(1 << 20, 512 << 10, 512 << 10, 4096, 32, firmware_at=0x1000)
    image = Image(flash, {"/a": b"1"}, b"firmware").build()
    assert image[0x1000:0x1008] == b"firmware"
    assert read_files(image, flash) == {"/a": b"1"}


def test_firmware_with_files_of_its_own() -> None:
    """A firmware that extends into the file system keeps its own files unless others are given."""
    flash = Flash(1 << 20, 512 << 10, 512 << 10, 4096, 32, firmware_at=0)
    whole = bytes(range(256)) * 4096
    assert Image(flash, {}, whole).build() == whole
    image = Image(flash, {"/a": b"1"}, whole).build()
    assert image[: flash.start] == whole[: flash.start]
    assert read_files(image, flash) == {"/a": b"1"}


def test_firmware_too_big() -> None:
    """A firmware that is larger than the flash is refused."""
    flash = Flash(1 << 20, 512 << 10, 512 << 10, 4096, 32, firmware_at=0x1000)
    with pytest.raises(ImageError) as caught:
        Image(flash, {}, b"x" * (1 << 20)).build()
    assert str(caught.value) == (
        "The firmware of 1048576 bytes does not fit into a flash of 1048576 bytes: make it smaller."
    )


def test_boot_arguments() -> None:
    """Boot arguments are in the flash as text, NUL and erased flash, and part of the cache key."""
    flash = Flash(
        1 << 20, 512 << 10, 512 << 10, 4096, 32, 0, arguments_at=0xF000, arguments_length=16
    )
    image = Image(flash, {}, b"", "heap=1 dhcp=0")
    assert image.build()[0xEFFF:0xF011] == b"\xffheap=1 dhcp=0\0\xff\xff\xff"
    assert image.key() != Image(flash, {}, b"", "heap=2 dhcp=0").key()
    with pytest.raises(ConfigError) as caught:
        Image(flash, {}, b"", "wlan_ssid=MyNetwork").build()
    assert str(caught.value) == (
        "The boot arguments take 20 bytes, but the flash has room for 16: give fewer or shorter "
        "ones."
    )


def test_flash_without_files() -> None:
    """Reading files from a flash without a file system is refused."""
    flash = Flash(1 << 20, 0, 0, 4096, 32, firmware_at=0)
    image = Image(flash, {}, b"x").build()
    assert image == b"x".ljust(1 << 20, b"\xff")
    with pytest.raises(ImageError) as caught:
        read_files(image, flash)
    assert str(caught.value) == (
        "The flash image has no partition for files, so they cannot be read."
    )


def test_folder(tmp_path: Path) -> None:
    """A folder of the host stands for all files in it."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "x.py").write_text("x")
    (tmp_path / "boot.py").write_text("b")
    assert normalise({"/app": tmp_path}) == {"/app/boot.py": b"b", "/app/lib/x.py": b"x"}
    assert normalise({"/": tmp_path}) == {"/boot.py": b"b", "/lib/x.py": b"x"}


def test_missing_host_file(tmp_path: Path) -> None:
    """The error for a missing file on the host names the file."""
    with pytest.raises(ImageError) as caught:
        normalise({"/a": tmp_path / "none"})
    assert str(caught.value) == (
        f"{tmp_path}/none cannot be read (No such file or directory): check the path."
    )


def test_full() -> None:
    """Files that do not fit are refused with their number and size."""
    with pytest.raises(FileSystemFull) as caught:
        Image(SMALL, {"/a": b"x" * 60000, "/b": b"x" * 90000}).build()
    assert str(caught.value) == (
        "2 files with 150000 bytes do not fit into the device's file system of 131072 bytes "
        "(blocks of 4096; it was full at /b): use fewer or smaller files."
    )


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "'' is not a file name: give a path such as /main.py."),
        ("/", "'/' is not a file name: give a path such as /main.py."),
        ("/a/../b", "'/a/../b' contains '..': give the path without it."),
        ("a\0b", "'a\\x00b' contains a NUL character: give the path without it."),
        (
            "/" + "ä" * 128,
            (
                "ääääääääääääääääääää... has 256 bytes, but the device's file system allows 255: "
                "shorten the name."
            ),
        ),
    ],
)
def test_bad_names(name: str, sentence: str) -> None:
    """A name that the device cannot hold is refused."""
    with pytest.raises(BadFileName) as caught:
        check_name(name)
    assert str(caught.value) == sentence


def test_clashes() -> None:
    """Two files of the same name, and a file in place of a folder, are refused."""
    with pytest.raises(BadFileName) as caught:
        normalise({"/a": b"", "a": b""})
    assert str(caught.value) == "Two files have the path /a: remove one of them."
    with pytest.raises(BadFileName) as caught:
        normalise({"/a": b"", "/a/b": b""})
    assert str(caught.value) == "/a is a file, so /a/b cannot be in it: rename one of them."


def test_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same content is built once, and each copy is a separate file."""
    image = Image(SMALL, {"/a": b"1"})
    image.write_to(tmp_path / "one", tmp_path / "cache")
    monkeypatch.setattr(Image, "build", lambda _: pytest.fail("made again"))
    image.write_to(tmp_path / "two", tmp_path / "cache")
    (tmp_path / "two").write_bytes(b"written to by a device")
    image.write_to(tmp_path / "three", tmp_path / "cache")
    assert (tmp_path / "three").read_bytes() == (tmp_path / "one").read_bytes()
    assert (tmp_path / "one").stat().st_mode & 0o077 == 0


def test_damaged_cache(tmp_path: Path) -> None:
    """A truncated image in the cache is rebuilt."""
    image = Image(SMALL, {"/a": b"1"})
    image.write_to(tmp_path / "one", tmp_path / "cache")
    (tmp_path / "cache" / f"{image.key()}.img").write_bytes(b"cut")
    image.write_to(tmp_path / "two", tmp_path / "cache")
    assert (tmp_path / "two").read_bytes() == (tmp_path / "one").read_bytes()


def test_unusable_cache(tmp_path: Path) -> None:
    """An unwritable cache does not fail the test."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    Image(SMALL, {"/a": b"1"}).write_to(tmp_path / "one", tmp_path / "cache")
    assert read_files((tmp_path / "one").read_bytes(), SMALL) == {"/a": b"1"}


def test_key_depends_on_everything() -> None:
    """Another name, content, geometry or firmware gives another key."""
    images = [
        Image(SMALL, {"/a": b"1"}),
        Image(SMALL, {"/a": b"2"}),
        Image(SMALL, {"/b": b"1"}),
        Image(SMALL, {"/a": b"1", "/b": b""}),
        Image(LX60.flash, {"/a": b"1"}),
        Image(SMALL, {"/a": b"1"}, b"firmware"),
    ]
    assert len({image.key() for image in images}) == len(images)


def test_full_disk() -> None:
    """The error for a full disk says what to do."""
    image = Image(SMALL, {"/a": b"1"})
    with pytest.MonkeyPatch.context() as patch:

        def full(data: bytes, path: Path) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("espbench.flash.littlefs_image.write_new", full)
        with pytest.raises(DiskFull) as caught:
            image.write_to(Path("/somewhere/flash.img"), Path("/nowhere"))
    assert str(caught.value) == (
        "The flash image does not fit into /somewhere, because the disk is full: "
        "free some space there, or point TMPDIR elsewhere."
    )


def test_damaged_image() -> None:
    """An image without a file system is refused when it is read."""
    with pytest.raises(ImageError) as caught:
        read_files(b"\xff" * SMALL.size, SMALL)
    assert re.fullmatch(
        r"The flash image has no intact littlefs \(.*\): read it after the device has stopped "
        r"writing, and only if the firmware uses littlefs\.",
        str(caught.value),
    )


def test_what_littlefs_refuses() -> None:
    """The error has littlefs's reason and the file's name."""
    with pytest.raises(ImageError) as caught:
        Image(SMALL, {"/a": b"1", "/a/b": b"2"}).build()
    assert str(caught.value) == (
        "littlefs could not store /a/b (LittleFSError -20: LFS_ERR_NOTDIR): rename or remove that "
        "file."
    )


def test_an_image_that_cannot_be_written(tmp_path: Path) -> None:
    """The error for an unwritable folder says how to choose another."""
    nowhere = tmp_path / "nowhere" / "flash.img"
    with pytest.raises(ImageError) as caught:
        Image(SMALL, {}).write_to(nowhere, tmp_path)
    assert str(caught.value) == (
        f"{nowhere} cannot be written (No such file or directory): point TMPDIR to a writable "
        "folder."
    )


def test_impossible_geometry() -> None:
    """A geometry that does not fit is refused on construction."""
    with pytest.raises(ConfigError) as caught:
        Flash(size=4096, start=0, length=8192, block=4096, unit=32)
    assert str(caught.value) == (
        "The file system (0 + 8192 bytes) does not fit into a flash of 4096 bytes: "
        "change start, length or size."
    )


def test_same_geometry_as_the_firmware() -> None:
    """The images on the host have the same geometry as the firmware."""
    header = Path(__file__).parents[3] / "firmware" / "ports" / "lx60" / "chip" / "flash.h"
    text = header.read_text()
    found = {
        name: int(number)
        for name, number in re.findall(r"#define FLASH_(\w+)_SIZE (\d+)$", text, re.MULTILINE)
    }
    assert (found["BLOCK"], found["READ"], found["PROG"]) == (
        LX60.flash.block,
        LX60.flash.unit,
        LX60.flash.unit,
    )
    assert "#define FLASH_BYTES (4 * 1024 * 1024)\n" in text
    assert (LX60.flash.start, LX60.flash.length) == (0, 4 * 1024 * 1024)
