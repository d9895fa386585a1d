# SPDX-License-Identifier: MIT
"""Xtensa's call0 ABI (LX106, and cores without register windows).

The return address is in a0, the stack pointer in a1, arguments in a2 to a7, the result in a2; the
callee preserves a12 to a15.

Source: Xtensa Instruction Set Architecture Reference Manual, section 8.1.2 (the CALL0 ABI).
"""

from __future__ import annotations

from espbench.errors import ConfigError
from espbench.inspect.stub.abi.frames import unwind
from espbench.inspect.stub.abi.types import Memory, Registers
from espbench.inspect.stub.abi.xtensa import CALL_LENGTH, a, call_increment, call_target, execute
from espbench.inspect.stub.code import FirmwareCode

__all__ = ["Call0"]

ARGUMENTS = 6
FIRST_ARGUMENT = 2


class Call0:
    """The call0 ABI; see `Abi` for the methods."""

    name = "call0"

    def __init__(self, code: FirmwareCode) -> None:
        """Take the ELF, whose frame information the chain needs."""
        self._code = code

    def stack_pointer(self, registers: Registers) -> int:
        """Return a1."""
        return registers[a(registers, 1)]

    def return_address(self, registers: Registers) -> int:
        """Return a0."""
        return registers[a(registers, 0)]

    def arguments(self, registers: Registers, count: int) -> list[int]:
        """Return a2 and up."""
        numbers = range(FIRST_ARGUMENT, FIRST_ARGUMENT + min(count, ARGUMENTS))
        return [registers[a(registers, number)] for number in numbers]

    def returning(self, registers: Registers, value: int) -> dict[str, int]:
        """Put the result into a2 and return to a0."""
        return {a(registers, FIRST_ARGUMENT): value, "pc": self.return_address(registers)}

    def calling(
        self, registers: Registers, function: int, arguments: tuple[int, ...]
    ) -> dict[str, int]:
        """Call with this instruction as the return address."""
        values = {a(registers, FIRST_ARGUMENT + i): value for i, value in enumerate(arguments)}
        return {**values, a(registers, 0): registers["pc"], "pc": function}

    def result(self, before: Registers, registers: Registers) -> int | None:
        """Return a2 if the stack is as before and a0 has our return address."""
        if self.stack_pointer(registers) != self.stack_pointer(before):
            return None
        if self.return_address(registers) != registers["pc"]:
            return None
        return registers[a(registers, FIRST_ARGUMENT)]

    def restoring(self, before: Registers, registers: Registers) -> dict[str, int]:
        """Restore a0 and the arguments; the callee preserves what else is alive at a call."""
        numbers = [0, *range(FIRST_ARGUMENT, FIRST_ARGUMENT + ARGUMENTS)]
        return {a(registers, number): before[a(before, number)] for number in numbers}

    def call_before(self, return_address: int) -> int:
        """Every call has three bytes."""
        return return_address - CALL_LENGTH

    def call_target(self, address: int, instruction: bytes) -> int | None:
        """Decode `callN`; `callxN` has its target in a register."""
        return call_target(address, instruction)

    def skipping(self, registers: Registers, instruction: bytes, value: int) -> dict[str, int]:
        """Put the result into a2 and go on behind the call."""
        if call_increment(instruction) != 0:
            raise ConfigError(
                f"The instruction at 0x{registers['pc']:08x} is not a call, so it cannot be "
                "skipped: is this ELF the one of the running firmware?"
            )
        return {a(registers, FIRST_ARGUMENT): value, "pc": registers["pc"] + CALL_LENGTH}

    def executing(self, registers: Registers, instruction: bytes) -> dict[str, int] | None:
        """Execute `addi`, `addmi` or `mov.n`."""
        return execute(registers, instruction)

    def chain(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Unwind by DWARF; the innermost return address is in a0 in any case."""
        found = unwind(self._code, registers, memory, depth)
        return found or (self.return_address(registers),)

    def chain_at_call(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Unwind by DWARF."""
        return unwind(self._code, registers, memory, depth)
