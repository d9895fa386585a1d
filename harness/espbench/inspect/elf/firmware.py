# SPDX-License-Identifier: MIT
"""`FirmwareElf`: what can be known about a firmware from its ELF file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path

from elftools.elf.elffile import ELFFile

from espbench.crash.symbols import DAMAGED
from espbench.errors import NotInspectable
from espbench.inspect.elf.debug_info import DebugInfo
from espbench.inspect.elf.structure import Structure
from espbench.inspect.elf.symbols import SymbolTable

__all__ = ["FirmwareElf", "firmware_elf"]


class FirmwareElf:
    """Symbols and structures of one ELF file; each is read when it is first needed."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            NotInspectable: it is not an ELF file.
        """
        self.path = path
        try:
            data = path.read_bytes()
            self._elf = ELFFile(io.BytesIO(data))
        except (OSError, *DAMAGED):
            raise NotInspectable(
                f"{path.name} has no symbols: to look into this firmware, put its .elf file beside "
                "it or name it with --firmware-elf (pytest: --espbench-firmware-elf, Device: elf)."
            ) from None

    @cached_property
    def symbols(self) -> SymbolTable:
        """The symbol table; empty for a stripped file.

        Raises:
            NotInspectable: the file is damaged, or for another processor.
        """
        if self._elf.elfclass != 32 or not self._elf.little_endian:
            raise NotInspectable(
                f"{self.path.name} is for a different processor: only 32-bit little-endian "
                "chips are supported. Name the firmware's ELF file with --firmware-elf (pytest: "
                "--espbench-firmware-elf, Device: elf)."
            )
        with self._intact():
            return SymbolTable.read(self._elf)

    @cached_property
    def debug_info(self) -> DebugInfo:
        """The DWARF, which a stripped file lacks.

        Raises:
            NotInspectable: the file is damaged.
        """
        with self._intact():
            return DebugInfo(self._elf)

    @property
    def machine(self) -> str:
        """The instruction set, as pyelftools names it: "EM_XTENSA" or "EM_RISCV"."""
        return str(self._elf["e_machine"])

    def address(self, name: str) -> int | None:
        """Return the address of a symbol, or None."""
        symbol = self.symbols.get(name)
        return None if symbol is None else symbol.address

    def structure(self, source: str, name: str) -> Structure:
        """Return the layout of a structure; see `DebugInfo.structure`.

        Raises:
            NotInspectable: the file has no DWARF, or the firmware has no such structure.
        """
        self.check()
        with self._intact():
            found = self.debug_info.structure(source, name)
        if found is None:
            raise NotInspectable(
                f"{self.path.name} does not describe {name} ({source}), so it is not readable "
                "from outside: build the firmware with debugging information (ESP-IDF's default)."
            )
        return found

    @contextlib.contextmanager
    def _intact(self) -> Iterator[None]:
        """Turn what is raised for a damaged file into one sentence."""
        try:
            yield
        except DAMAGED as error:
            why = str(error) or type(error).__name__
            raise NotInspectable(
                f"{self.path.name} cannot be read, because it is damaged or has a format that is "
                f"not supported ({why}): build or copy it again."
            ) from None

    def check(self) -> None:
        """Check that the file has symbols and DWARF.

        Raises:
            NotInspectable: it has been stripped.
        """
        if not self.symbols or not self.debug_info.present:
            raise NotInspectable(
                f"{self.path.name} has been stripped of its "
                f"{'debugging information' if self.symbols else 'symbols'}: name the ELF file that "
                "the build wrote, with --firmware-elf (pytest: --espbench-firmware-elf, "
                "Device: elf)."
            )


@lru_cache(maxsize=8)
def _cached(path: Path, _state: tuple[int, int]) -> FirmwareElf:
    return FirmwareElf(path)


def firmware_elf(path: Path) -> FirmwareElf:
    """Return the ELF file at a path, which is read once until it changes.

    Raises:
        NotInspectable: it is not an ELF file.
    """
    try:
        found = path.stat()
    except OSError:
        return FirmwareElf(path)
    return _cached(path.absolute(), (found.st_mtime_ns, found.st_size))
