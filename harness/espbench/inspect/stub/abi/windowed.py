# SPDX-License-Identifier: MIT
"""Xtensa's windowed ABI (ESP32, ESP32-S2, ESP32-S3).

A `callN` leaves the return address in the caller's aN and N / 4 in PS.CALLINC; the first argument,
and later the result, is in the caller's a(N+2). `entry` then rotates the window. The two top bits
of a return address hold N / 4; those of the program counter stay as they are.

Source: Xtensa Instruction Set Architecture Reference Manual, section 4.7.1 (Windowed Register
Option) and section 8.1 (the windowed ABI).
"""

from __future__ import annotations

import struct

from espbench.errors import ConfigError
from espbench.inspect.stub.abi.types import Memory, Registers
from espbench.inspect.stub.abi.xtensa import (
    AR,
    CALL_LENGTH,
    a,
    call_increment,
    call_target,
    execute,
)
from espbench.inspect.stub.errors import StubRefused

__all__ = ["Windowed"]

WINDOWS = AR // 4
REGION = 0xC0000000
"""The bits of a code address that a return address does not hold."""
CALLINC = 3 << 16
"""PS.CALLINC."""
ARGUMENTS = 6


class Windowed:
    """The windowed ABI; see `Abi` for the methods."""

    name = "windowed"

    def stack_pointer(self, registers: Registers) -> int:
        """Return the caller's a1."""
        return registers[a(registers, 1)]

    def return_address(self, registers: Registers) -> int:
        """Return the caller's aN as an address."""
        return _address(registers[a(registers, _increment(registers))], registers)

    def arguments(self, registers: Registers, count: int) -> list[int]:
        """Return the caller's a(N+2) and up."""
        first = _increment(registers) + 2
        return [registers[a(registers, first + n)] for n in range(min(count, ARGUMENTS))]

    def returning(self, registers: Registers, value: int) -> dict[str, int]:
        """Put the result into a(N+2); the window has not been rotated yet."""
        result = a(registers, _increment(registers) + 2)
        return {result: value, "pc": self.return_address(registers)}

    def calling(
        self, registers: Registers, function: int, arguments: tuple[int, ...]
    ) -> dict[str, int]:
        """Call like the caller did, with this instruction as the return address."""
        n = _increment(registers)
        values = {a(registers, n + 2 + i): value for i, value in enumerate(arguments)}
        return {**values, a(registers, n): _link(registers), "pc": function}

    def result(self, before: Registers, registers: Registers) -> int | None:
        """Return a(N+2) if the caller's frame is the same and aN still has our return address."""
        n = _increment(before)
        if self.stack_pointer(registers) != self.stack_pointer(before):
            return None
        if registers[a(registers, n)] != _link(before):
            return None
        return registers[a(registers, n + 2)]

    def restoring(self, before: Registers, registers: Registers) -> dict[str, int]:
        """Restore what belongs to the call: PS.CALLINC, aN, and the arguments.

        Nothing else may be: registers of callers may have been spilled to the stack meanwhile, and
        after a switch of tasks the window may be elsewhere.
        """
        n = _increment(before)
        places = [n, *range(n + 2, min(n + 2 + ARGUMENTS, 16))]
        return {
            "ps": registers["ps"] & ~CALLINC | before["ps"] & CALLINC,
            **{a(registers, i): before[a(before, i)] for i in places},
        }

    def call_before(self, return_address: int) -> int:
        """Every call has three bytes."""
        return return_address - CALL_LENGTH

    def call_target(self, address: int, instruction: bytes) -> int | None:
        """Decode `callN`; `callxN` has its target in a register."""
        return call_target(address, instruction)

    def skipping(self, registers: Registers, instruction: bytes, value: int) -> dict[str, int]:
        """Put the result into a(N+2) of this window, with the N of the instruction."""
        n = call_increment(instruction)
        if not n:
            raise ConfigError(
                f"The instruction at 0x{registers['pc']:08x} is not a windowed call, so it cannot "
                "be skipped: is this ELF the one of the running firmware?"
            )
        return {a(registers, n + 2): value, "pc": registers["pc"] + CALL_LENGTH}

    def executing(self, registers: Registers, instruction: bytes) -> dict[str, int] | None:
        """Execute `entry`, unless it overflows the register file."""
        return execute(registers, instruction)

    def chain(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Return aN and then the callers' a0."""
        rest = self.chain_at_call(registers, memory, depth - 1)
        return (self.return_address(registers), *rest)

    def chain_at_call(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Walk the windows: first the live ones, then those that were spilled.

        A frame's a0 to a3 are spilled to the 16 bytes below the stack pointer of the function that
        it called.
        """
        found: list[int] = []
        window, live = registers["windowbase"], True
        link, stack = registers[a(registers, 0)], registers[a(registers, 1)]
        while len(found) < depth and link >> 30 and link & ~REGION:
            found.append(_address(link, registers))
            window = (window - (link >> 30)) % WINDOWS
            live = live and bool(registers["windowstart"] >> window & 1)
            if live:
                link, stack = registers[f"ar{4 * window}"], registers[f"ar{4 * window + 1}"]
                continue
            try:
                link, stack = struct.unpack("<2I", memory(stack - 16, 8))
            except StubRefused:
                break
        return tuple(found)


def _increment(registers: Registers) -> int:
    """Return the N of the callN that led here."""
    return 4 * ((registers["ps"] & CALLINC) >> 16)


def _address(link: int, registers: Registers) -> int:
    return link & ~REGION | registers["pc"] & REGION


def _link(registers: Registers) -> int:
    """Return the aN with which a function returns to the program counter."""
    return registers["pc"] & ~REGION | (registers["ps"] & CALLINC) << 14
