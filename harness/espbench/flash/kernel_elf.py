# SPDX-License-Identifier: MIT
"""Checks whether QEMU's `-kernel` can load an ELF, and finds its entry point."""

from __future__ import annotations

from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.construct import ConstructError
from elftools.elf.elffile import ELFFile

from espbench.flash import reset_vector

ESP_IDF = (".flash.appdesc", ".flash.text", ".iram0.text")
"""Sections of ESP-IDF's linker scripts."""
NAMES = {"EM_XTENSA": "Xtensa", "EM_RISCV": "RISC-V"}


def flaw(path: Path, machine: str) -> str:
    """Return why a processor cannot run this file, as part of a sentence; "" if it can.

    Args:
        path: the file.
        machine: the processor as in `e_machine`, such as EM_XTENSA; 32 bits, little endian.
    """
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            made_for = str(elf["e_machine"])
            segments = [segment.header for segment in elf.iter_segments("PT_LOAD")]
            fits = made_for == machine and elf.elfclass == 32 and elf.little_endian
    except (ELFError, ConstructError):
        return f"it is not a complete ELF file ({size} bytes)"
    if not fits:
        bits = f"{elf.elfclass} bits, {'little' if elf.little_endian else 'big'} endian"
        return f"it is for a different processor ({NAMES.get(made_for, made_for)}, {bits})"
    if not segments:
        return "it has no loadable segments"
    end = max(segment["p_offset"] + segment["p_filesz"] for segment in segments)
    if end > size:
        return f"it is truncated: it has {size} bytes instead of {end}"
    vector = reset_vector.ADDRESS
    if any(
        segment["p_paddr"] < vector + reset_vector.SIZE
        and segment["p_paddr"] + segment["p_memsz"] > vector
        for segment in segments
    ):
        return f"it loads data at the reset vector {vector:#x}, where espbench puts its own code"
    return ""


def is_esp_idf(path: Path) -> bool:
    """Return whether a file is the ELF of an ESP-IDF application, by its sections."""
    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            return any(elf.get_section_by_name(name) is not None for name in ESP_IDF)
    except (ELFError, ConstructError):
        return False


def entry(path: Path) -> int:
    """Return the entry point of an ELF file."""
    with path.open("rb") as file:
        return int(ELFFile(file)["e_entry"])
