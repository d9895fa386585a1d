# SPDX-License-Identifier: MIT
"""Sizes of a firmware, from its ELF."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from elftools.elf.constants import SH_FLAGS
from espbench.errors import FigureUnavailable
from espbench.flash.elf import image_bytes, sections

PROGBITS, STRTAB, NOBITS = 1, 3, 8
XTENSA = 94
HEADER = struct.Struct("<16sHHIIIIIHHHHHH")
SECTION = struct.Struct("<IIIIIIIIII")


def elf(path: Path, *named: tuple[str, int, int, int]) -> Path:
    """Write an ELF of these sections: name, type, flags, bytes."""
    rows = [("", 0, 0, 0), *named, (".shstrtab", STRTAB, 0, 0)]
    names = b"".join(name.encode() + b"\0" for name, *_ in rows)
    content = HEADER.size + len(rows) * SECTION.size
    end = content + len(names)
    table, at = b"", 0
    for name, kind, flags, size in rows:
        place, length = (content, len(names)) if kind == STRTAB else (end, size)
        table += SECTION.pack(at, kind, flags, 0, place, length, 0, 0, 1, 0)
        at += len(name) + 1
    start = b"\x7fELF\x01\x01\x01"
    places = (0, 0, HEADER.size, 0)  # entry, segments, sections, flags
    sizes = (HEADER.size, 0, 0, SECTION.size, len(rows), len(rows) - 1)
    path.write_bytes(HEADER.pack(start, 2, XTENSA, 1, *places, *sizes) + table + names)
    return path


def test_what_is_on_the_device(tmp_path: Path) -> None:
    """Sections that are loaded or cleared count; the image has the loaded ones, without gaps."""
    alloc = SH_FLAGS.SHF_ALLOC
    path = elf(
        tmp_path / "firmware.elf",
        (".text", PROGBITS, alloc, 100),
        (".flash_rodata_dummy", NOBITS, alloc, 5000),
        (".rodata", PROGBITS, alloc, 20),
        (".bss", NOBITS, alloc, 300),
        (".empty", PROGBITS, alloc, 0),
        (".debug_info", PROGBITS, 0, 9000),
    )
    assert sections(path) == {".text": 100, ".flash_rodata_dummy": 5000, ".rodata": 20, ".bss": 300}
    assert image_bytes(path) == 120


def test_no_elf(tmp_path: Path) -> None:
    """The message says that the file is not an ELF, and how to name one."""
    blob = tmp_path / "firmware.bin"
    blob.write_bytes(b"\xe9 no ELF")
    for measure in (sections, image_bytes):
        with pytest.raises(FigureUnavailable) as caught:
            measure(blob)
        assert str(caught.value) == (
            f"{blob} is not an ELF file, so its section sizes are unknown: name the linker's ELF "
            "with --firmware-elf."
        )
