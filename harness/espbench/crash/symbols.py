# SPDX-License-Identifier: MIT
"""Looks up function, file and line of an address, including inlined calls, in an ELF's DWARF.

Only the compilation units of these addresses are read: a whole firmware would take seconds.
"""

from __future__ import annotations

import bisect
import struct
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError
from elftools.dwarf.ranges import BaseAddressEntry, RangeEntry
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from espbench.crash.types import Frame

__all__ = ["DAMAGED", "Symbols"]

DAMAGED = (
    *(ELFError, DWARFError, ConstructError, struct.error, zlib.error),
    *(AssertionError, AttributeError, LookupError, TypeError, ValueError),
    *(ArithmeticError, EOFError, MemoryError, RuntimeError),
)
"""What pyelftools raises for a file that is truncated, that is not what its headers say, or whose
DWARF is of a kind that it does not know (RuntimeError: NotImplementedError, RecursionError)."""

_DEPTH = 10
"""Maximum number of references to follow for a name; DWARF needs two, damaged DWARF has loops."""


class Symbols:
    """Looks up addresses in one ELF file."""

    def __init__(self, elf: ELFFile, *, dwarf: bool = True) -> None:
        """Read the symbol table; DWARF is read when it is needed.

        Args:
            elf: the file, which must stay open.
            dwarf: False to use the symbol table only, which has functions but no files and lines.
        """
        self._dwarf = elf.get_dwarf_info() if dwarf and elf.has_dwarf_info() else None
        self._aranges = self._dwarf.get_aranges() if self._dwarf else None
        table = elf.get_section_by_name(".symtab")
        functions = {}
        if isinstance(table, SymbolTableSection):
            for symbol in table.iter_symbols():
                if symbol["st_info"]["type"] == "STT_FUNC":
                    functions[symbol["st_value"]] = (symbol.name, symbol["st_size"])
        self._starts = sorted(functions)
        self._functions = functions
        self._units: list[tuple[int, int, Any]] | None = None
        self._lines: dict[int, list[tuple[int, str, int]]] = {}

    def frames(self, address: int, shown: int | None = None) -> list[Frame]:
        """Return the frames of an address, innermost first; only the last one is not inlined.

        Args:
            address: address to look up; for a return address, one byte before it.
            shown: address to show in the frames, by default the same.
        """
        shown = address if shown is None else shown
        unit = self._unit(address)
        if unit is None:
            return [Frame(shown, self.function(address))]
        file, line = self._place(unit, address)
        frames = []
        for die in reversed(list(self._nest(unit, unit.get_top_DIE(), address))):
            name = _name(die) or self.function(address)
            inlined = die.tag == "DW_TAG_inlined_subroutine"
            frames.append(Frame(shown, name, file, line, inlined))
            if inlined:
                file = self._file(unit, _value(die, "DW_AT_call_file", 0))
                line = _value(die, "DW_AT_call_line", 0)
        return frames or [Frame(shown, self.function(address), file, line)]

    def function(self, address: int) -> str:
        """Return the function at an address according to the symbol table, or ??."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0:
            return "??"
        start = self._starts[index]
        name, size = self._functions[start]
        # Functions in assembler often have no size.
        return name if address < start + (size or 256) else "??"

    def _unit(self, address: int) -> Any:
        if self._dwarf is None or self._aranges is None:
            return None
        offset = self._aranges.cu_offset_at_addr(address)
        if offset is not None:
            return self._dwarf.get_CU_at(offset)
        # GCC omits some functions from .debug_aranges.
        if self._units is None:
            self._units = [
                (low, high, unit)
                for unit in self._dwarf.iter_CUs()
                for low, high in self._ranges(unit, unit.get_top_DIE())
            ]
        return next((unit for low, high, unit in self._units if low <= address < high), None)

    def _nest(self, unit: Any, die: Any, address: int) -> Iterator[Any]:
        """Yield the functions around an address, outermost first."""
        for child in die.iter_children():
            if child.tag not in (
                "DW_TAG_subprogram",
                "DW_TAG_inlined_subroutine",
                "DW_TAG_lexical_block",
            ):
                continue
            if any(low <= address < high for low, high in self._ranges(unit, child)):
                if child.tag != "DW_TAG_lexical_block":
                    yield child
                yield from self._nest(unit, child, address)
                return

    def _ranges(self, unit: Any, die: Any) -> Iterator[tuple[int, int]]:
        attributes = die.attributes
        if "DW_AT_low_pc" in attributes and "DW_AT_high_pc" in attributes:
            low = attributes["DW_AT_low_pc"].value
            high = attributes["DW_AT_high_pc"]
            yield low, high.value if high.form == "DW_FORM_addr" else low + high.value
        elif "DW_AT_ranges" in attributes and self._dwarf is not None:
            lists: Any = self._dwarf.range_lists()
            top = unit.get_top_DIE().attributes
            base = top["DW_AT_low_pc"].value if "DW_AT_low_pc" in top else 0
            for entry in lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, cu=unit):
                if isinstance(entry, BaseAddressEntry):
                    base = entry.base_address
                elif isinstance(entry, RangeEntry):
                    offset = 0 if entry.is_absolute else base
                    yield offset + entry.begin_offset, offset + entry.end_offset

    def _place(self, unit: Any, address: int) -> tuple[str, int]:
        lines = self._line_table(unit)
        index = bisect.bisect_right(lines, (address, "\U0010ffff", 1 << 62)) - 1
        return (lines[index][1], lines[index][2]) if index >= 0 else ("", 0)

    def _line_table(self, unit: Any) -> list[tuple[int, str, int]]:
        if unit.cu_offset not in self._lines:
            program = self._dwarf.line_program_for_CU(unit) if self._dwarf else None
            rows: dict[int, tuple[int, int]] = {}
            for entry in program.get_entries() if program else ():
                state = entry.state
                if state is not None:
                    # The last row of an address is the valid one.
                    here = not state.end_sequence
                    rows[state.address] = (state.file if here else 0, state.line if here else 0)
            self._lines[unit.cu_offset] = sorted(
                (address, self._file(unit, number) if number else "", line)
                for address, (number, line) in rows.items()
            )
        return self._lines[unit.cu_offset]

    def _file(self, unit: Any, number: int) -> str:
        """Return a file of the line program by its number, as passed to the compiler."""
        program = self._dwarf.line_program_for_CU(unit) if self._dwarf else None
        if program is None:
            return ""
        five = program["version"] >= 5
        files, folders = program["file_entry"], program["include_directory"]
        index = number if five else number - 1
        if not 0 <= index < len(files):
            return ""
        entry = files[index]
        folder_index = entry.dir_index if five else entry.dir_index - 1
        name = _text(entry.name)
        if 0 <= folder_index < len(folders):
            return str(PurePosixPath(_text(folders[folder_index])) / name)
        return name


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _value(die: Any, name: str, default: int) -> int:
    attribute = die.attributes.get(name)
    return default if attribute is None else int(attribute.value)


def _name(die: Any) -> str:
    for _ in range(_DEPTH):
        if "DW_AT_name" in die.attributes:
            return _text(die.attributes["DW_AT_name"].value)
        for reference in ("DW_AT_abstract_origin", "DW_AT_specification"):
            if reference in die.attributes:
                die = die.get_DIE_from_attribute(reference)
                break
        else:
            return ""
    return ""
