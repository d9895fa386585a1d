# SPDX-License-Identifier: MIT
"""Unwinds a live stack by the ELF's call frame information, for ABIs without register windows."""

from __future__ import annotations

import struct

from espbench.crash.unwind import caller_registers
from espbench.inspect.stub.abi.types import Memory, Registers
from espbench.inspect.stub.code import FirmwareCode
from espbench.inspect.stub.errors import StubRefused

__all__ = ["unwind"]


def unwind(code: FirmwareCode, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
    """Return the return addresses from an instruction on, innermost first.

    Without frame information (DWARF section 6.4) for a function, the chain ends before its caller;
    only the innermost function's return address is known without, if it is still in its register.
    """
    if code.unwind_rules is None:
        return ()
    machine, table = code.unwind_rules

    def word(address: int) -> int | None:
        try:
            return int(struct.unpack("<I", memory(address, 4))[0])
        except StubRefused:
            return None

    current = {number: registers[name.lower()] for name, number in machine.registers.items()}
    pc, found = registers["pc"], list[int]()
    while len(found) < depth:
        # Except in the innermost frame, pc is a return address, which is behind the call.
        rules = table.rules(pc - 1 if found else pc)
        caller = caller_registers(word, rules, current, machine)
        if caller is None:
            break
        pc = caller.get(machine.return_address, 0)
        if pc == 0 or caller[machine.stack_pointer] < current[machine.stack_pointer]:
            break
        found.append(pc)
        current = caller
    return tuple(found)
