# SPDX-License-Identifier: MIT
"""Sizes of the sections of an ELF that occupy memory on the device: `sections`, `image_bytes`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from espbench.errors import FigureUnavailable


def sections(elf: Path) -> dict[str, int]:
    """Return the size in bytes of each section that is loaded or cleared, by its name.

    Raises:
        FigureUnavailable: the file is not an ELF file.
    """
    return {name: header.sh_size for name, header in _on_the_device(elf)}


def image_bytes(elf: Path) -> int:
    """Return the total size in bytes of all sections with content.

    This is not the size of the segments: ESP-IDF's linker scripts have sections without content
    (`.dram0.dummy`, `.flash_rodata_dummy`) inside a segment, whose size in the file includes them.

    Raises:
        FigureUnavailable: the file is not an ELF file.
    """
    return sum(h.sh_size for _, h in _on_the_device(elf) if h.sh_type != "SHT_NOBITS")


def _on_the_device(elf: Path) -> list[tuple[str, Any]]:
    try:
        with elf.open("rb") as file:
            found = [(section.name, section.header) for section in ELFFile(file).iter_sections()]
    except ELFError as error:
        raise FigureUnavailable(
            f"{elf} is not an ELF file, so its section sizes are unknown: name the linker's ELF "
            "with --firmware-elf."
        ) from error
    return [(n, h) for n, h in found if h.sh_flags & SH_FLAGS.SHF_ALLOC and h.sh_size]
