# SPDX-License-Identifier: MIT
"""Which ELF file is found; one of another build is refused, a stripped one of this build is not."""

from __future__ import annotations

import hashlib
import struct
import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest
from espbench.boards.builtin import LX60
from espbench.device.firmware_file import elf_of, ignored_elf
from espbench.errors import NotInspectable
from espbench.inspect.elf.match import check_match, matching
from espbench.inspect.inspection import Inspection

CODE_AT = 0x400D0020
APPLICATION_AT = 0x10000


def elf(folder: Path, name: str, body: str) -> Path:
    """Return a linked ELF file with one function."""
    source, output = folder / f"{name}.c", folder / f"{name}.elf"
    source.write_text(f"int function(int x) {{ {body} }}\n")
    flags = ["-nostdlib", "-Wl,-e,function", f"-Wl,-Ttext={CODE_AT:#x}", "-Wl,--build-id=none"]
    tool = f"{LX60.toolchain}gcc"
    subprocess.run([tool, "-g", "-O1", str(source), *flags, "-o", str(output)], check=True)
    return output


def code(path: Path) -> bytes:
    """Return the instructions in an ELF file."""
    output = path.with_suffix(".text")
    tool = f"{LX60.toolchain}objcopy"
    subprocess.run([tool, "-O", "binary", "-j", ".text", str(path), str(output)], check=True)
    return output.read_bytes()


def image(path: Path, name: str, digest: bytes, split: int = 0) -> Path:
    """Return a flash image with a partition table and an application with this code.

    The code's first `split` bytes are a segment of their own, behind the rest of the code.
    """
    described = struct.pack("<I", 0xABCD5432) + bytes(140) + digest + bytes(80)
    text = code(path)
    text += bytes(-len(text) % 4)
    pieces = [(CODE_AT + split, text[split:]), *([(CODE_AT, text[:split])] if split else [])]
    application = struct.pack("<BBBBI15xB", 0xE9, 1 + len(pieces), 0, 0, CODE_AT, 0)
    for address, content in ((0x3F400020, described), *pieces):
        application += struct.pack("<II", address, len(content)) + content
    entry = struct.pack("<2sBBII16sI", b"\xaa\x50", 0, 0, APPLICATION_AT, 0x10000, b"factory", 0)
    blob = bytes(0x8000) + entry + b"\xff" * (0x8000 - len(entry)) + application
    output = path.parent / name
    output.write_bytes(blob.ljust(0x20000, b"\xff"))
    return output


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Return the ELF file of a build."""
    return elf(tmp_path, "ours", "return x + 1;")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return the ELF file of another build."""
    return elf(tmp_path, "other", "return x * 3;")


def test_by_hash(ours: Path, other: Path) -> None:
    """The SHA-256 in the application's description decides without a look at the code."""
    digest = hashlib.sha256(ours.read_bytes()).digest()
    check_match(ours, image(other, "firmware.bin", digest))


def test_by_code(ours: Path, other: Path, tmp_path: Path) -> None:
    """Without a hash, or after strip, the code decides."""
    firmware = image(ours, "firmware.bin", bytes(32))
    check_match(ours, firmware)
    stripped = tmp_path / "stripped.elf"
    subprocess.run([f"{LX60.toolchain}strip", "-o", str(stripped), str(ours)], check=True)
    check_match(stripped, image(ours, "firmware.bin", hashlib.sha256(b"").digest()))
    with pytest.raises(NotInspectable) as error:
        check_match(other, firmware)
    assert str(error.value) == (
        "other.elf comes from a different build than firmware.bin: its code differs. Build both "
        "again, or name the right ELF file with --firmware-elf (pytest: --espbench-firmware-elf, "
        "Device: elf)."
    )


def test_by_code_in_two_segments(ours: Path, other: Path) -> None:
    """A section may be split, as esptool does to align what follows it in flash."""
    firmware = image(ours, "firmware.bin", bytes(32), split=2)
    check_match(ours, firmware)
    with pytest.raises(NotInspectable, match="comes from a different build"):
        check_match(other, firmware)


def test_two_elf_files(ours: Path, other: Path) -> None:
    """A board that boots an ELF file can have another one for its debugging information."""
    check_match(ours, ours)
    with pytest.raises(NotInspectable, match="comes from a different build"):
        check_match(other, ours)


def test_an_image_without_a_table(ours: Path, tmp_path: Path) -> None:
    """Nothing can be compared, so nothing is refused."""
    firmware = tmp_path / "firmware.bin"
    firmware.write_bytes(b"\xe9" + bytes(100))
    check_match(ours, firmware)


def test_the_one_beside_it(ours: Path, other: Path, tmp_path: Path) -> None:
    """Without an ELF file of the image's name, the one whose SHA-256 the image has is found."""
    digest = hashlib.sha256(ours.read_bytes()).digest()
    firmware = image(ours, "merged.bin", digest)
    assert elf_of(firmware) == ours
    named = tmp_path / "merged.elf"
    named.write_bytes(other.read_bytes())
    assert elf_of(firmware) == ours, "the one with the image's name is of another build"
    assert ignored_elf(firmware) == ""
    named.write_bytes(ours.read_bytes())
    assert elf_of(firmware) == named, "the name decides first"


def test_another_build_beside_it(ours: Path, other: Path) -> None:
    """An ELF file of another build is ignored although it has the image's name."""
    firmware = image(ours, "other.bin", hashlib.sha256(b"a third build").digest())
    assert elf_of(firmware) == firmware
    assert ignored_elf(firmware) == (
        "other.elf beside other.bin comes from a different build, so it is ignored, and panics and "
        "the heap are not decoded: build both again, or name the right ELF file with "
        "--firmware-elf (pytest: --espbench-firmware-elf, Device: elf)."
    )
    guest = Mock(firmware=firmware, elf=elf_of(firmware))
    assert Inspection(guest).why_not() == ignored_elf(firmware)
    other.write_bytes(b"\x7fELF, truncated")
    assert ignored_elf(firmware).startswith("other.elf beside other.bin comes from a different")


def test_none_beside_it(ours: Path, other: Path, tmp_path: Path) -> None:
    """ELF files of other builds, and images without a hash or without a table, find none."""
    unknown = image(ours, "unknown.bin", bytes(32))
    changed = image(ours, "changed.bin", hashlib.sha256(b"another build").digest())
    (tmp_path / "short.bin").write_bytes(b"\xe9")
    for firmware in (unknown, changed, tmp_path / "short.bin"):
        assert matching(firmware) is None
        assert elf_of(firmware) == firmware
