# SPDX-License-Identifier: MIT
"""Reads from a firmware's ELF file which compiler built it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile

from espbench.crash.symbols import DAMAGED

_GCC = re.compile(r"(?:GNU C\S*|GCC:?|gcc\S*)(?: \([^)]*\))? (\d+(?:\.\d+)+)")
_CLANG = re.compile(r"clang (?:version )?(\d+(?:\.\d+)+)")


def compiler_of(elf: Path) -> str:
    """Return the compiler of most of an ELF's units, such as "GCC 12.2.0", or "" if unknown.

    It is in the section `.comment`, and in DWARF's `DW_AT_producer` (DWARF 5 section 3.1.1). Some
    units come from precompiled libraries, but fewer.
    """
    try:
        with elf.open("rb") as file:
            return most(_producers(ELFFile(file)))
    except (OSError, *DAMAGED):
        return ""


def most(producers: Iterable[str]) -> str:
    """Return the compiler that is named most often, or ""; assemblers do not count."""
    found = Counter(name for text in producers if (name := compiler_in(text)))
    return found.most_common(1)[0][0] if found else ""


def compiler_in(text: str) -> str:
    """Return the name and version of the compiler that identifies itself in `text`.

    Args:
        text: the first line of ``--version``, a string from `.comment`, a `DW_AT_producer`, or an
            earlier result of this function.
    """
    for name, pattern in (("clang", _CLANG), ("GCC", _GCC)):
        if match := pattern.search(text):
            return f"{name} {match[1]}"
    return ""


def _producers(elf: ELFFile) -> Iterator[str]:
    if comment := elf.get_section_by_name(".comment"):
        yield from comment.data().decode(errors="replace").split("\0")
    if not elf.has_dwarf_info():
        return
    for unit in elf.get_dwarf_info(relocate_dwarf_sections=False).iter_CUs():
        if producer := unit.get_top_DIE().attributes.get("DW_AT_producer"):
            yield producer.value.decode(errors="replace")
