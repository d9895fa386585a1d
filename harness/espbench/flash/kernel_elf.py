# SPDX-License-Identifier: MIT
"""Whether QEMU can load a file as its `-kernel`: it says itself only that it could not."""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

NAMES = {"EM_XTENSA": "Xtensa", "EM_RISCV": "RISC-V"}


def flaw(path: Path, machine: str) -> str:
    """Return why a processor cannot run this file, completing a sentence; "" when it can.

    Args:
        path: the file.
        machine: the processor, as `e_machine` has it, such as EM_XTENSA; 32 bits, little endian.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            made_for = str(elf["e_machine"])
            ends = [s["p_offset"] + s["p_filesz"] for s in elf.iter_segments("PT_LOAD")]
            fits = made_for == machine and elf.elfclass == 32 and elf.little_endian
    except (ELFError, ConstructError):
        return f"it is no whole ELF file ({size} bytes)"
    if not fits:
        bits = f"{elf.elfclass} bits, {'little' if elf.little_endian else 'big'} endian"
        return f"it is for another processor ({NAMES.get(made_for, made_for)}, {bits})"
    if not ends:
        return "it has nothing to load"
    if max(ends) > size:
        return f"it is truncated: {size} bytes are there, and {max(ends)} are to be loaded"
    return ""
