# SPDX-License-Identifier: MIT
"""What both of Xtensa's ABIs share: the registers of the current window, and instructions.

Source: Xtensa Instruction Set Architecture Reference Manual, chapter 6 (instruction formats).
"""

from __future__ import annotations

from espbench.inspect.stub.abi.types import Registers

__all__ = ["CALL_LENGTH", "a", "call_increment", "call_target", "execute"]

AR = 64
"""Number of physical registers of a core with register windows."""
CALL_LENGTH = 3
"""Bytes of every call instruction."""
_ENTRY = 0x36


def a(registers: Registers, number: int) -> str:
    """Return the name of register a0 to a15 of the current window."""
    if "windowbase" not in registers:
        return f"a{number}"
    return f"ar{(4 * registers['windowbase'] + number) % AR}"


def call_increment(instruction: bytes) -> int | None:
    """Return the N of a callN or callxN instruction, 0 for call0; None for others."""
    first, second, third = instruction[:CALL_LENGTH]
    if first & 0x0F == 0x05:  # CALL format
        return 4 * (first >> 4 & 3)
    if first & 0xCF == 0xC0 and second & 0xF0 == 0 and third == 0:  # CALLX: m = 3, r = 0
        return 4 * (first >> 4 & 3)
    return None


def call_target(address: int, instruction: bytes) -> int | None:
    """Return the target of a callN instruction (CALL format), else None."""
    word = int.from_bytes(instruction[:CALL_LENGTH], "little")
    if word & 0x0F != 0x05:
        return None
    offset = word >> 6
    return (address & ~3) + 4 * (offset - (1 << 18 if offset >> 17 else 0)) + 4


def execute(registers: Registers, instruction: bytes) -> dict[str, int] | None:
    """Return the changes of one of the instructions that functions begin with, else None."""
    if len(instruction) < 3:
        return None
    first, second, third = instruction[:3]
    t, s, r = first >> 4, second & 0x0F, second >> 4
    pc = registers["pc"]
    if first == _ENTRY:
        return _entry(registers, s, 8 * (r | third << 4))
    signed = third - 256 if third > 127 else third
    if first & 0x0F == 0x02 and r in (0xC, 0xD):  # ADDI, ADDMI
        value = registers[a(registers, s)] + (signed if r == 0xC else signed << 8)
        return {a(registers, t): value, "pc": pc + 3}
    if first & 0x0F == 0x0D and r == 0:  # MOV.N
        return {a(registers, t): registers[a(registers, s)], "pc": pc + 2}
    return None


def _entry(registers: Registers, s: int, frame: int) -> dict[str, int] | None:
    """Return the changes of ENTRY, unless it has to spill registers first (a window overflow)."""
    increment = registers["ps"] >> 16 & 3
    base, start = registers["windowbase"], registers["windowstart"]
    after = (start | start << 16) >> (base + 1)
    if s > 3 or increment == 0 or after & ((1 << increment) - 1):
        return None
    rotated = (base + increment) % 16
    # The stub copies the window from the physical registers when one of these is written, so the
    # new window has to be set before.
    return {
        "windowbase": rotated,
        "windowstart": start | 1 << rotated,
        f"ar{(4 * rotated + s) % AR}": registers[a(registers, s)] - frame,
        "pc": registers["pc"] + 3,
    }
