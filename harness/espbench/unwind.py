"""Unwinds a dumped stack on the host, by the ELF's call frame information (DWARF, section 6.4).

The guest can only guess (it looks for words that might be return addresses); the host has the
registers, the stack and the compiler's own description of every frame.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from pathlib import Path
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

from espbench.panic import Dump, Frame
from espbench.symbols import Symbols

LONGEST = 64
"""Frames after which the stack is taken for corrupt."""
STACK_POINTER = 1
"""DWARF's number of A1, which is the stack pointer in both ABIs of Xtensa."""
RETURN_ADDRESS = 0
"""DWARF's number of A0, which holds the return address in the call0 ABI."""


def decode(dump: Dump, elf: Path | None) -> tuple[Frame, ...]:
    """Return the decoded backtrace, innermost first.

    Without a usable ELF the frames are bare addresses, as the guest guessed them.
    """
    guessed = tuple(Frame(pc, guessed=number > 0) for number, (pc, _) in enumerate(dump.backtrace))
    if elf is not None:
        try:
            with elf.open("rb") as file:
                image = ELFFile(file)
                symbols = Symbols(image)
                found = unwind(dump, image) or [(f.address, f.guessed) for f in guessed]
                return tuple(
                    replace(frame, guessed=guess)
                    for number, (address, guess) in enumerate(found)
                    # A return address is behind the call, which may be another line already.
                    for frame in symbols.frames(address - 1 if number else address, address)
                )
        except (OSError, ELFError, DWARFError):
            pass
    return guessed


def unwind(dump: Dump, elf: ELFFile) -> list[tuple[int, bool]]:
    """Return the program counter and the return addresses, and which of them are guessed.

    Where no frame information goes on (assembler, or a stack beyond the dump), the guest's own
    backtrace does.
    """
    if elf["e_machine"] != "EM_XTENSA" or not elf.has_dwarf_info() or "PC" not in dump.registers:
        return []
    table = _FrameTable(elf.get_dwarf_info())
    registers = {
        number: dump.registers[f"A{number}"]
        for number in range(16)
        if f"A{number}" in dump.registers
    }
    pc = dump.registers["PC"]
    found = [(pc, False)]
    while len(found) < LONGEST and STACK_POINTER in registers:
        # Except for the innermost frame, pc is a return address: behind the call.
        caller = _step(dump, table.rules(pc if len(found) == 1 else pc - 1), registers)
        if caller is None and len(found) == 1 and RETURN_ADDRESS in registers:
            # A leaf without frame information (assembler), or a jump into nowhere.
            caller = dict(registers)
        if caller is None:
            known = {pc for pc, _ in found}
            stack = registers[STACK_POINTER]
            return found + [(p, True) for p, sp in dump.backtrace if sp > stack and p not in known]
        pc, before = caller.get(RETURN_ADDRESS, 0), registers[STACK_POINTER]
        stack = caller[STACK_POINTER]
        if pc == 0 or stack < before or (stack == before and len(found) > 1):
            break
        found.append((pc, False))
        registers = caller
    return found


def _step(
    dump: Dump, rules: dict[Any, Any] | None, registers: dict[int, int]
) -> dict[int, int] | None:
    """Return the caller's registers, or None when they cannot be known."""
    if rules is None or rules["cfa"].reg not in registers:
        return None
    frame = registers[rules["cfa"].reg] + rules["cfa"].offset
    caller = dict(registers)
    for number, rule in rules.items():
        if not isinstance(number, int):
            continue
        if rule.type == "OFFSET":
            word = dump.word(frame + rule.arg)
            if word is None:
                return None
            caller[number] = word
        elif rule.type == "UNDEFINED":
            caller.pop(number, None)
    caller[STACK_POINTER] = frame
    return caller


class _FrameTable:
    """The frame descriptions of an ELF, by address."""

    def __init__(self, dwarf: Any) -> None:
        entries = []
        if dwarf.has_CFI():
            entries += dwarf.CFI_entries()
        if dwarf.has_EH_CFI():
            entries += dwarf.EH_CFI_entries()
        self._entries = sorted(
            (entry for entry in entries if isinstance(entry, FDE)),
            key=lambda entry: int(entry.header["initial_location"]),
        )
        self._starts = [int(entry.header["initial_location"]) for entry in self._entries]

    def rules(self, address: int) -> dict[Any, Any] | None:
        """Return how to leave the frame at an address, or None."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        entry = self._entries[index]
        if address >= self._starts[index] + int(entry.header["address_range"]):
            return None
        best: dict[Any, Any] | None = None
        for row in entry.get_decoded().table:
            if row["pc"] <= address:
                best = row
        return best
