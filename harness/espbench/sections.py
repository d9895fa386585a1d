"""How large the sections of a firmware are that take memory on the device."""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from espbench.errors import FigureUnavailable


def sections(elf: Path) -> dict[str, int]:
    """Return the bytes of each section that is loaded or cleared, by its name.

    Raises:
        FigureUnavailable: it is no ELF file.
    """
    try:
        with elf.open("rb") as file:
            found = [section.header for section in ELFFile(file).iter_sections()]
            names = [section.name for section in ELFFile(file).iter_sections()]
    except ELFError as error:
        raise FigureUnavailable(
            f"{elf} is no ELF file, so its sections are not known: name the ELF that the linker "
            "made with --firmware-elf."
        ) from error
    return {
        name: header.sh_size
        for name, header in zip(names, found, strict=True)
        if header.sh_flags & SH_FLAGS.SHF_ALLOC and header.sh_size
    }
