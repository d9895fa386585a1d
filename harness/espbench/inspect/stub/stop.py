# SPDX-License-Identifier: MIT
"""`Stop`: a CPU that stands at a breakpoint, and what its handlers may ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from espbench.inspect.stub.abi.types import Abi, Memory, Registers

__all__ = ["Action", "Call", "Handler", "Return", "Skip", "Stop"]

BLOCK = 256
"""Bytes of memory that are read at once, because frames are close to each other on a stack."""


class Stop:
    """A CPU at a breakpoint; valid only while the handler runs."""

    def __init__(self, abi: Abi, registers: Registers, memory: Memory) -> None:
        """Take the registers; `memory` reads through the stub."""
        self.registers = registers
        self.address = registers["pc"]
        self._abi = abi
        self._memory = memory
        self._blocks: dict[int, bytes] = {}

    @property
    def stack_pointer(self) -> int:
        """The stack pointer of the caller of the function that is about to begin."""
        return self._abi.stack_pointer(self.registers)

    @property
    def return_address(self) -> int:
        """The return address of the function that is about to begin."""
        return self._abi.return_address(self.registers)

    def arguments(self, count: int) -> list[int]:
        """Return the first arguments of the function that is about to begin."""
        return self._abi.arguments(self.registers, count)

    def chain(self, depth: int) -> tuple[int, ...]:
        """Return the return addresses at a function's first instruction, innermost first."""
        return self._abi.chain(self.registers, self._stack, depth)

    def chain_at_call(self, depth: int) -> tuple[int, ...]:
        """Return the return addresses at a call instruction, innermost first."""
        return self._abi.chain_at_call(self.registers, self._stack, depth)

    def read(self, address: int, length: int) -> bytes:
        """Return bytes of the guest's memory.

        Raises:
            StubRefused: some of it is not mapped.
        """
        return self._memory(address, length)

    def _stack(self, address: int, length: int) -> bytes:
        start = address & ~(BLOCK - 1)
        if address + length > start + BLOCK:
            return self._memory(address, length)
        if start not in self._blocks:
            self._blocks[start] = self._memory(start, BLOCK)
        offset = address - start
        return self._blocks[start][offset : offset + length]


@dataclass(frozen=True)
class Return:
    """End the function that is about to begin, with this result, without executing it."""

    value: int


@dataclass(frozen=True)
class Skip:
    """Skip the call instruction at the breakpoint, as if the function had returned this value."""

    value: int


@dataclass(frozen=True)
class Call:
    """Call a function first, then resume here as if nothing had happened.

    Attributes:
        function: its address; not one of the function that is about to begin with other locks held.
        arguments: its arguments.
        then: called with its result and the same stop; may ask for another action.
    """

    function: int
    arguments: tuple[int, ...]
    then: Callable[[int, Stop], Action | None]


Action = Return | Skip | Call
Handler = Callable[[Stop], Action | None]
"""Called at a breakpoint, in the stub's thread. None: the guest goes on."""
