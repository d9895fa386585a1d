# SPDX-License-Identifier: MIT
"""A flash image is merged from its parts, and of the build folder of an ESP-IDF project."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from espbench.errors import ConfigError, DiskFull, ImageError
from espbench.flash import merged_image as image


def test_merged(tmp_path: Path) -> None:
    """Files are at their offsets in an erased flash."""
    (tmp_path / "a").write_bytes(b"boot")
    (tmp_path / "b").write_bytes(b"app")
    made = image.merged([(2, tmp_path / "a"), (8, tmp_path / "b")], 12)
    assert made == b"\xff\xffboot\xff\xffapp\xff"


def test_merged_does_not_fit(tmp_path: Path) -> None:
    """The error for a missing or too large file names it."""
    path = tmp_path / "app.bin"
    path.write_bytes(bytes(0x20))
    with pytest.raises(ImageError) as caught:
        image.merged([(0x1FFFF0, path)], 2 << 20)
    assert str(caught.value) == (
        "app.bin ends at 0x200010, beyond the end of a flash of 2 MB: increase "
        "CONFIG_ESPTOOLPY_FLASHSIZE."
    )
    path.unlink()
    with pytest.raises(ImageError) as caught:
        image.merged([(0, path)], 2 << 20)
    assert str(caught.value) == (
        f"{path} cannot be read (No such file or directory): build the project again."
    )


def test_flash_size() -> None:
    """ESP-IDF's flash sizes are parsed, and others are rejected."""
    assert image.flash_size("4MB") == 4 << 20
    with pytest.raises(ImageError) as caught:
        image.flash_size("keep")
    assert str(caught.value) == (
        "The project's flash size is 'keep', but QEMU supports 2, 4, 8 or 16MB: set "
        "CONFIG_ESPTOOLPY_FLASHSIZE."
    )


def test_image_is_written_once(tmp_path: Path) -> None:
    """An unchanged image is not rewritten, because another process may be reading it."""
    path = tmp_path / "flash_image.bin"
    image.write(path, b"one")
    first = path.stat()
    image.write(path, b"one")
    assert path.stat().st_ino == first.st_ino
    image.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["flash_image.bin"]


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Return a build folder as ESP-IDF leaves it."""
    arguments = {
        "flash_settings": {"flash_size": "2MB"},
        "flash_files": {"0x1000": "bootloader/bootloader.bin", "0x10000": "app.bin"},
    }
    (tmp_path / image.ARGUMENTS).write_text(json.dumps(arguments))
    (tmp_path / "bootloader").mkdir()
    (tmp_path / "bootloader" / "bootloader.bin").write_bytes(b"boot")
    (tmp_path / "app.bin").write_bytes(b"app")
    return tmp_path


def test_build_folder(build: Path) -> None:
    """A build folder becomes an image in it; a file stays as it is."""
    made = image.image_of(build)
    assert made == build / "espbench-merged.bin"
    data = made.read_bytes()
    assert len(data) == 2 << 20
    assert (data[0x1000:0x1005], data[0x10000:0x10004]) == (b"boot\xff", b"app\xff")
    assert image.image_of(made) == made
    assert image.image_of(build / "none.bin") == build / "none.bin"


def test_no_build_folder(tmp_path: Path) -> None:
    """A folder in which nothing was built says what to name."""
    with pytest.raises(ConfigError) as caught:
        image.image_of(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} is a folder without flasher_args.json: name an image, or the build folder of "
        "an ESP-IDF project after `idf.py build`."
    )


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"flash_settings": {"flash_size": 4}}'])
def test_damaged_arguments(tmp_path: Path, content: str) -> None:
    """A damaged list of files is one sentence."""
    (tmp_path / image.ARGUMENTS).write_text(content)
    with pytest.raises(ConfigError) as caught:
        image.image_of(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / image.ARGUMENTS} is damaged: build the project again."
    )


def test_full_disk(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is one sentence, and leaves no half image."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DiskFull, match="does not fit, because the disk is"):
        image.image_of(build)
    assert sorted(each.name for each in build.iterdir()) == [
        "app.bin",
        "bootloader",
        image.ARGUMENTS,
    ]
