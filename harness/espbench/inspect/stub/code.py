# SPDX-License-Identifier: MIT
"""`FirmwareCode`: the instructions, functions and frame descriptions in a firmware's ELF file."""

from __future__ import annotations

import functools
import io
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from espbench.crash.symbols import DAMAGED, Symbols
from espbench.crash.types import Frame
from espbench.crash.unwind import MACHINES, FrameTable, Machine
from espbench.errors import ConfigError

__all__ = ["FirmwareCode", "Function"]

UNKNOWN_SIZE = 256
"""Bytes that a function may have if the symbol has no size, as often in assembler."""


@dataclass(frozen=True)
class Function:
    """A function of the firmware.

    Attributes:
        name: its name in the symbol table.
        address: address of its first instruction.
        size: size in bytes; 0 if the symbol table does not say.
    """

    name: str
    address: int
    size: int

    def __contains__(self, address: object) -> bool:
        """Return whether an instruction at this address belongs to the function."""
        return isinstance(address, int) and (
            self.address <= address < self.address + (self.size or UNKNOWN_SIZE)
        )


class FirmwareCode:
    """What an ELF file says about the firmware's code; read once, then without the file."""

    def __init__(self, elf: Path) -> None:
        """Read the symbol table and the code.

        Raises:
            ConfigError: the file cannot be read, is not an ELF file, or has no symbols.
        """
        try:
            self._image = ELFFile(io.BytesIO(elf.read_bytes()))
            self.machine = str(self._image["e_machine"])
            self.entry = int(self._image["e_entry"])
            self._code = [
                (int(section["sh_addr"]), section.data())
                for section in self._image.iter_sections()
                if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
                and section["sh_type"] == "SHT_PROGBITS"
            ]
            functions = sorted(_functions(self._image), key=lambda f: (f.address, not f.size))
        except OSError as error:
            raise ConfigError(f"{elf} cannot be read: {error.strerror}.") from error
        except ELFError as error:
            raise ConfigError(
                f"{elf} is not an ELF file: name the linker's ELF with --firmware-elf."
            ) from error
        if not functions:
            raise ConfigError(
                f"{elf} has no symbols, so functions cannot be found in it: name the ELF as the "
                "linker wrote it, before it was stripped, with --firmware-elf."
            )
        self.elf = elf
        self.functions: dict[str, Function] = {}
        for function in functions:
            self.functions.setdefault(function.name, function)
        self._sorted = functions
        self._starts = [function.address for function in functions]
        self._places: dict[int, tuple[Frame, ...]] = {}

    @functools.cached_property
    def windowed(self) -> bool:
        """Whether an Xtensa firmware uses the windowed ABI: its functions begin with `entry`.

        Neither the ELF's flags nor `.xtensa.info` of GCC's LX106 port tell the ABIs apart.
        """
        first = [self.at(f.address, 1) for f in self.functions.values() if f.size]
        return self.machine == "EM_XTENSA" and 2 * first.count(b"\x36") > len(first)

    def at(self, address: int, length: int) -> bytes:
        """Return the code at an address; b"" if there is none in the file."""
        for start, data in self._code:
            if start <= address < start + len(data):
                return data[address - start : address - start + length]
        return b""

    def function_at(self, address: int) -> Function | None:
        """Return the function with an instruction at this address, or None."""
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and address in self._sorted[index]:
            return self._sorted[index]
        return None

    def frames(self, return_address: int) -> tuple[Frame, ...]:
        """Return the place of the call before a return address, inlined functions first.

        Files and lines are known if the ELF has DWARF.
        """
        if return_address not in self._places:
            # One byte before, because the return address may belong to another line.
            try:
                found = self._symbols.frames(return_address - 1, return_address)
            except DAMAGED:
                function = self.function_at(return_address - 1)
                found = [Frame(return_address, function.name if function else "??")]
            self._places[return_address] = tuple(found)
        return self._places[return_address]

    @functools.cached_property
    def _symbols(self) -> Symbols:
        return Symbols(self._image)

    def prepare(self) -> None:
        """Read now what `unwind` needs, which takes seconds, rather than while the guest waits."""
        if not self.windowed and self.unwind_rules is not None:
            self.unwind_rules[1].rules(self.entry)

    @functools.cached_property
    def unwind_rules(self) -> tuple[Machine, FrameTable] | None:
        """The registers' numbers in DWARF and the frame descriptions; None if there are none."""
        machine = MACHINES.get(self.machine)
        if machine is None or not self._image.has_dwarf_info():
            return None
        return machine, FrameTable(self._image.get_dwarf_info())


def _functions(image: Any) -> list[Function]:
    table = image.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        return []
    return [
        Function(symbol.name, int(symbol["st_value"]), int(symbol["st_size"]))
        for symbol in table.iter_symbols()
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF"
    ]
