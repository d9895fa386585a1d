# SPDX-License-Identifier: MIT
"""Sizes of an ELF's sections that take memory on the device: `sections`, `image_bytes`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from espbench.errors import FigureUnavailable


def sections(elf: Path) -> dict[str, int]:
    """Return the bytes of each section that is loaded or cleared, by its name.

    Raises:
        FigureUnavailable: it is no ELF file.
    """
    return {name: header.sh_size for name, header in _on_the_device(elf)}


def image_bytes(elf: Path) -> int:
    """Return the bytes of all sections with something in them.

    Not of the segments: ESP-IDF's linker scripts have sections without content (`.dram0.dummy`,
    `.flash_rodata_dummy`) in the middle of one, which its length in the file includes.

    Raises:
        FigureUnavailable: it is no ELF file.
    """
    return sum(h.sh_size for _, h in _on_the_device(elf) if h.sh_type != "SHT_NOBITS")


def _on_the_device(elf: Path) -> list[tuple[str, Any]]:
    try:
        with elf.open("rb") as file:
            found = [(section.name, section.header) for section in ELFFile(file).iter_sections()]
    except ELFError as error:
        raise FigureUnavailable(
            f"{elf} is no ELF file, so its sections are not known: name the ELF that the linker "
            "made with --firmware-elf."
        ) from error
    return [(n, h) for n, h in found if h.sh_flags & SH_FLAGS.SHF_ALLOC and h.sh_size]
