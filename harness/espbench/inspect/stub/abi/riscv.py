# SPDX-License-Identifier: MIT
"""The RISC-V calling convention (ESP32-C and ESP32-H, 32 bits).

The return address is in ra, the stack pointer in sp, arguments in a0 to a7, the result in a0.

Source: RISC-V ABIs Specification, chapter 2 (calling conventions); The RISC-V Instruction Set
Manual, volume I, chapters 2 (RV32I) and 27 (C extension) for the instructions.
"""

from __future__ import annotations

from espbench.errors import ConfigError
from espbench.inspect.stub.abi.frames import unwind
from espbench.inspect.stub.abi.types import Memory, Registers
from espbench.inspect.stub.code import FirmwareCode

__all__ = ["RiscV"]

ARGUMENTS = 8
NAMES = (
    *("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1"),
    *(f"a{n}" for n in range(8)),
    *(f"s{n}" for n in range(2, 12)),
    *(f"t{n}" for n in range(3, 7)),
)
"""Registers x0 to x31 by QEMU's names."""
JAL, JALR, ADDI, AUIPC = 0x6F, 0x67, 0x13, 0x17
RA = 1


class RiscV:
    """The RISC-V calling convention; see `Abi` for the methods."""

    name = "RISC-V"

    def __init__(self, code: FirmwareCode) -> None:
        """Take the ELF, whose code and frame information calls and chain need."""
        self._code = code

    def stack_pointer(self, registers: Registers) -> int:
        """Return sp."""
        return registers["sp"]

    def return_address(self, registers: Registers) -> int:
        """Return ra."""
        return registers["ra"]

    def arguments(self, registers: Registers, count: int) -> list[int]:
        """Return a0 and up."""
        return [registers[f"a{n}"] for n in range(min(count, ARGUMENTS))]

    def returning(self, registers: Registers, value: int) -> dict[str, int]:
        """Put the result into a0 and return to ra."""
        return {"a0": value, "pc": registers["ra"]}

    def calling(
        self, registers: Registers, function: int, arguments: tuple[int, ...]
    ) -> dict[str, int]:
        """Call with this instruction as the return address."""
        values = {f"a{i}": value for i, value in enumerate(arguments)}
        return {**values, "ra": registers["pc"], "pc": function}

    def result(self, before: Registers, registers: Registers) -> int | None:
        """Return a0 if the stack is as before and ra has our return address."""
        if registers["sp"] != before["sp"] or registers["ra"] != registers["pc"]:
            return None
        return registers["a0"]

    def restoring(self, before: Registers, _: Registers, /) -> dict[str, int]:
        """Restore ra and the arguments; the callee preserves what else is alive at a call."""
        return {name: before[name] for name in ("ra", *(f"a{n}" for n in range(ARGUMENTS)))}

    def call_before(self, return_address: int) -> int:
        """A call has four bytes, or two if it is compressed."""
        return return_address - (4 if _is_call(self._code.at(return_address - 4, 4)) else 2)

    def call_target(self, address: int, instruction: bytes) -> int | None:
        """Decode `jal`, `c.jal`, and `jalr` behind its `auipc`."""
        word = int.from_bytes(instruction[:4], "little")
        if word & 0x7F == JAL:
            return address + _jump(word)
        if word & 0xE003 == 0x2001:
            return address + _short_jump(word)
        before = int.from_bytes(self._code.at(address - 4, 4), "little")
        if word & 0x7F == JALR and before & 0x7F == AUIPC and before >> 7 & 31 == word >> 15 & 31:
            return (address - 4 + (before & 0xFFFFF000) + _signed(word >> 20, 12)) & 0xFFFFFFFF
        return None

    def skipping(self, registers: Registers, instruction: bytes, value: int) -> dict[str, int]:
        """Put the result into a0 and go on behind the call."""
        length = 4 if instruction[0] & 3 == 3 else 2
        if not _is_call(instruction[:length]):
            raise ConfigError(
                f"The instruction at 0x{registers['pc']:08x} is not a call, so it cannot be "
                "skipped: is this ELF the one of the running firmware?"
            )
        return {"a0": value, "pc": registers["pc"] + length}

    def executing(self, registers: Registers, instruction: bytes) -> dict[str, int] | None:
        """Execute `addi`, `c.addi`, `c.addi16sp`, `c.mv` or `c.li`."""
        return _execute(registers, instruction)

    def chain(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Unwind by DWARF; the innermost return address is in ra in any case."""
        found = unwind(self._code, registers, memory, depth)
        return found or (self.return_address(registers),)

    def chain_at_call(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Unwind by DWARF."""
        return unwind(self._code, registers, memory, depth)


def _is_call(instruction: bytes) -> bool:
    word = int.from_bytes(instruction, "little")
    if len(instruction) == 4:
        return word & 0x7F in (JAL, JALR) and word >> 7 & 31 == RA
    if len(instruction) != 2:
        return False
    compressed_jal = word & 0xE003 == 0x2001
    compressed_jalr = word & 0xF07F == 0x9002 and word >> 7 & 31 != 0
    return compressed_jal or compressed_jalr


def _execute(registers: Registers, instruction: bytes) -> dict[str, int] | None:
    if len(instruction) < 4:
        return None
    pc = registers["pc"]
    word = int.from_bytes(instruction[:4], "little")
    if word & 0x707F == ADDI:
        target, source = word >> 7 & 31, word >> 15 & 31
        value = registers[NAMES[source]] + _signed(word >> 20, 12)
        return {NAMES[target]: value, "pc": pc + 4} if target else None
    short = word & 0xFFFF
    target, other = short >> 7 & 31, short >> 2 & 31
    if short & 3 == 3 or target == 0:
        return None
    name, kind = NAMES[target], short & 0xE003
    immediate = _signed(short >> 7 & 0x20 | other, 6)
    if kind == 0x0001:  # C.ADDI
        return {name: registers[name] + immediate, "pc": pc + 2}
    if kind == 0x4001:  # C.LI
        return {name: immediate, "pc": pc + 2}
    if kind == 0x6001 and name == "sp":  # C.ADDI16SP
        return {"sp": registers["sp"] + _sixteens(short), "pc": pc + 2}
    if short & 0xF003 == 0x8002 and other:  # C.MV
        return {name: registers[NAMES[other]], "pc": pc + 2}
    return None


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) & 1 else value


def _sixteens(short: int) -> int:
    """Return the immediate of C.ADDI16SP: nzimm[9] at bit 12, then [4|6|8:7|5] from bit 6 down."""
    value = (
        (short >> 12 & 1) << 9
        | (short >> 6 & 1) << 4
        | (short >> 5 & 1) << 6
        | (short >> 3 & 3) << 7
        | (short >> 2 & 1) << 5
    )
    return _signed(value, 10)


def _jump(word: int) -> int:
    """Return the immediate of JAL: imm[20|10:1|11|19:12] from bit 31 down."""
    value = (
        (word >> 31) << 20
        | (word >> 21 & 0x3FF) << 1
        | (word >> 20 & 1) << 11
        | (word >> 12 & 0xFF) << 12
    )
    return _signed(value, 21)


def _short_jump(word: int) -> int:
    """Return the immediate of C.JAL: imm[11|4|9:8|10|6|7|3:1|5] from bit 12 down."""
    value = (
        (word >> 12 & 1) << 11
        | (word >> 11 & 1) << 4
        | (word >> 9 & 3) << 8
        | (word >> 8 & 1) << 10
        | (word >> 7 & 1) << 6
        | (word >> 6 & 1) << 7
        | (word >> 3 & 7) << 1
        | (word >> 2 & 1) << 5
    )
    return _signed(value, 12)
