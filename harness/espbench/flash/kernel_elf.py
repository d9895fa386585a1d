# SPDX-License-Identifier: MIT
"""Whether QEMU's `-kernel` can load an ELF, and if not, why; and where its entry point is."""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from espbench.flash import reset_vector

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
            segments = [segment.header for segment in elf.iter_segments("PT_LOAD")]
            fits = made_for == machine and elf.elfclass == 32 and elf.little_endian
    except (ELFError, ConstructError):
        return f"it is no whole ELF file ({size} bytes)"
    if not fits:
        bits = f"{elf.elfclass} bits, {'little' if elf.little_endian else 'big'} endian"
        return f"it is for another processor ({NAMES.get(made_for, made_for)}, {bits})"
    if not segments:
        return "it has nothing to load"
    end = max(segment["p_offset"] + segment["p_filesz"] for segment in segments)
    if end > size:
        return f"it is truncated: {size} bytes are there, and {end} are to be loaded"
    vector = reset_vector.ADDRESS
    if any(
        segment["p_paddr"] < vector + reset_vector.SIZE
        and segment["p_paddr"] + segment["p_memsz"] > vector
        for segment in segments
    ):
        return f"it loads something at the reset vector {vector:#x}, where espbench's own code goes"
    return ""


def entry(path: Path) -> int:
    """Return the address at which an ELF file starts."""
    with path.open("rb") as file:
        return int(ELFFile(file)["e_entry"])
