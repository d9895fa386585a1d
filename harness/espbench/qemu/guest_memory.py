# SPDX-License-Identifier: MIT
"""Reads a variable of the firmware through QEMU's monitor, without affecting the guest."""

from __future__ import annotations

import contextlib
import re
import struct
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from espbench.errors import QmpError

_WORD = re.compile(r"0x([0-9a-f]{8})\b")


def symbol_address(elf: Path, name: str) -> int | None:
    """Return the address of a symbol, or None if it does not exist or the file is not an ELF."""
    with contextlib.suppress(ELFError), elf.open("rb") as file:
        table: Any = ELFFile(file).get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return None
        found = table.get_symbol_by_name(name) or ()
        return next((int(symbol["st_value"]) for symbol in found), None)
    return None


def examine(address: int, words: int) -> str:
    """Return the monitor command that prints this many 32-bit words of physical memory."""
    return f"xp /{words}xw {address:#x}"


def parse_words(text: str, words: int) -> bytes:
    """Return the memory in the output of an `examine` command, little endian.

    Raises:
        QmpError: the output has another number of words.
    """
    found = [int(word, 16) for line in text.splitlines() for word in _WORD.findall(line)]
    if len(found) != words:
        raise QmpError(f"QEMU could not read the guest's memory: it replied {text.strip()!r}.")
    return struct.pack(f"<{words}I", *found)
