# SPDX-License-Identifier: MIT
"""Unwinds a dumped stack on the host with the ELF's call frame information (DWARF section 6.4).

The guest can only guess: it searches the stack for possible return addresses. The host has the
registers, the stack and the compiler's description of every frame.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elftools.dwarf.callframe import FDE
from elftools.elf.elffile import ELFFile

from espbench.crash.symbols import DAMAGED, Symbols
from espbench.crash.types import Dump, Frame

__all__ = ["MACHINES", "FrameTable", "Machine", "caller_registers", "decode", "unwind"]

LONGEST = 64
"""Number of frames after which the stack is considered corrupt."""


@dataclass(frozen=True)
class Machine:
    """The registers of an instruction set, in dumps and in DWARF.

    Attributes:
        pc: name of the program counter in dumps.
        registers: DWARF register number by name in dumps.
        stack_pointer, return_address: their DWARF register numbers.
    """

    pc: str
    registers: Mapping[str, int]
    stack_pointer: int
    return_address: int


_RISCV = ["ZERO", "RA", "SP", "GP", "TP", "T0", "T1", "T2", "FP", "S1"]
_RISCV += [f"A{n}" for n in range(8)] + [f"S{n}" for n in range(2, 12)]
_RISCV += [f"T{n}" for n in range(3, 7)]

MACHINES = {
    # For the call0 ABI; with register windows (ESP-IDF), the guest's own backtrace is exact.
    "EM_XTENSA": Machine("PC", {f"A{n}": n for n in range(16)}, 1, 0),
    "EM_RISCV": Machine("MEPC", {name: n for n, name in enumerate(_RISCV)}, 2, 1),
}
"""Instruction sets by the ELF's `e_machine`."""


def decode(dump: Dump, elf: Path | None) -> tuple[Frame, ...]:
    """Return the decoded backtrace, innermost first.

    If the ELF's DWARF cannot be read, the frames have function names only; without a usable ELF
    they are bare addresses, as the guest printed them.
    """
    if elf is not None:
        for dwarf in (True, False):
            with contextlib.suppress(OSError, *DAMAGED):
                return _decoded(dump, elf, dwarf=dwarf)
    return tuple(Frame(address, guessed=guess) for address, guess in _printed(dump))


def _decoded(dump: Dump, elf: Path, *, dwarf: bool) -> tuple[Frame, ...]:
    """Return the decoded backtrace, with the ELF's DWARF or without it.

    Raises:
        OSError: the file cannot be read.
        Exception: one of `DAMAGED`.
    """
    with elf.open("rb") as file:
        image = ELFFile(file)
        symbols = Symbols(image, dwarf=dwarf)
        found = unwind(dump, image) if dwarf and not dump.exact else []
        return tuple(
            replace(frame, guessed=guess)
            for number, (address, guess) in enumerate(found or _printed(dump))
            # A return address is behind the call, perhaps already on another line.
            for frame in symbols.frames(
                address - 1 if number and not dump.exact else address, address
            )
        )


def _printed(dump: Dump) -> list[tuple[int, bool]]:
    """Return the guest's own backtrace: addresses, and whether they are guessed."""
    if dump.backtrace:
        return [
            (pc, number > 0 and not dump.exact) for number, (pc, _) in enumerate(dump.backtrace)
        ]
    # RISC-V guests print no backtrace, and others' may be lost on the console.
    names = ("PC", "MEPC", "RA")
    return [(dump.registers[n], n == "RA") for n in names if dump.registers.get(n)]


def unwind(dump: Dump, elf: ELFFile) -> list[tuple[int, bool]]:
    """Return the program counter and the return addresses, and which of them are guessed.

    Where frame information is missing (assembler, or a stack beyond the dump), the guest's own
    backtrace continues.
    """
    machine = MACHINES.get(elf["e_machine"])
    if machine is None or not elf.has_dwarf_info() or machine.pc not in dump.registers:
        return []
    table = FrameTable(elf.get_dwarf_info())
    registers = {
        number: dump.registers[name]
        for name, number in machine.registers.items()
        if name in dump.registers
    }
    pc = dump.registers[machine.pc]
    found = [(pc, False)]
    while len(found) < LONGEST and machine.stack_pointer in registers:
        # Except in the innermost frame, pc is a return address, which is behind the call.
        rules = table.rules(pc if len(found) == 1 else pc - 1)
        caller = caller_registers(dump.word, rules, registers, machine)
        if caller is None and len(found) == 1 and machine.return_address in registers:
            # A leaf without frame information (assembler), or a jump to an invalid address.
            caller = dict(registers)
        if caller is None:
            known = {pc for pc, _ in found}
            stack = registers[machine.stack_pointer]
            return found + [(p, True) for p, sp in dump.backtrace if sp > stack and p not in known]
        pc, before = caller.get(machine.return_address, 0), registers[machine.stack_pointer]
        stack = caller[machine.stack_pointer]
        if pc == 0 or stack < before or (stack == before and len(found) > 1):
            break
        found.append((pc, False))
        registers = caller
    return found


def caller_registers(
    word: Callable[[int], int | None],
    rules: dict[Any, Any] | None,
    registers: dict[int, int],
    machine: Machine,
) -> dict[int, int] | None:
    """Return the caller's registers, or None if they cannot be determined.

    Args:
        word: returns the word at an address of the stack, or None if it is unknown.
        rules: those of the instruction; see `FrameTable`.
        registers: the values by their numbers in DWARF.
        machine: the instruction set.
    """
    if rules is None or rules["cfa"].reg not in registers:
        return None
    frame = registers[rules["cfa"].reg] + rules["cfa"].offset
    caller = dict(registers)
    for number, rule in rules.items():
        if not isinstance(number, int):
            continue
        if rule.type == "OFFSET":
            value = word(frame + rule.arg)
            if value is None:
                return None
            caller[number] = value
        elif rule.type == "UNDEFINED":
            caller.pop(number, None)
    caller[machine.stack_pointer] = frame
    return caller


class FrameTable:
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
        self._decoded: dict[int, Any] = {}

    def rules(self, address: int) -> dict[Any, Any] | None:
        """Return the rules for unwinding the frame at an address, or None."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        entry = self._entries[index]
        if address >= self._starts[index] + int(entry.header["address_range"]):
            return None
        best: dict[Any, Any] | None = None
        if index not in self._decoded:
            self._decoded[index] = entry.get_decoded().table
        for row in self._decoded[index]:
            if row["pc"] <= address:
                best = row
        return best
