# SPDX-License-Identifier: MIT
"""`Abi`: the operations of a calling convention, which three modules implement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

__all__ = ["Abi", "Memory", "Registers"]

Registers = Mapping[str, int]
"""Values of 32 bits by the name that the stub gives the register."""
Memory = Callable[[int, int], bytes]
"""Reads bytes of the guest's memory: address, length. Raises StubRefused if it is not mapped."""


class Abi(Protocol):
    """A calling convention.

    Where nothing else is said, `registers` are those at a function's first instruction, before the
    function has its stack frame. Methods that change registers return the new values by name, in
    the order in which to write them.
    """

    name: str

    def stack_pointer(self, registers: Registers) -> int:
        """Return the caller's stack pointer, which identifies the task and the call."""

    def return_address(self, registers: Registers) -> int:
        """Return the address of the instruction behind the call."""

    def arguments(self, registers: Registers, count: int) -> list[int]:
        """Return the first arguments, of 32 bits each; at most six."""

    def returning(self, registers: Registers, value: int) -> dict[str, int]:
        """Return the changes that end the function at once with a result."""

    def calling(
        self, registers: Registers, function: int, arguments: tuple[int, ...]
    ) -> dict[str, int]:
        """Return the changes that call a function which then returns to this instruction."""

    def result(self, before: Registers, registers: Registers) -> int | None:
        """Return the result of the function called by `calling`, or None if it has not returned.

        Args:
            before: the registers before `calling`.
            registers: the registers now, at the same instruction.
        """

    def restoring(self, before: Registers, registers: Registers, /) -> dict[str, int]:
        """Return the changes that undo `calling`.

        Args:
            before: the registers before `calling`.
            registers: the registers now that the called function has returned.
        """

    def call_before(self, return_address: int) -> int:
        """Return the address of the call instruction that has this return address."""

    def call_target(self, address: int, instruction: bytes) -> int | None:
        """Return the function that a call instruction calls, or None if a register holds it."""

    def skipping(self, registers: Registers, instruction: bytes, value: int) -> dict[str, int]:
        """Return the changes that skip a call as if the called function had returned a value.

        Args:
            registers: the registers at the call instruction.
            instruction: its bytes.
            value: the result.
        """

    def executing(self, registers: Registers, instruction: bytes) -> dict[str, int] | None:
        """Return the changes that a first instruction makes, or None if it has to be stepped.

        This saves a stop for each call: it covers what functions usually begin with.
        """

    def chain(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Return the return addresses of the active calls, innermost first.

        Fewer than `depth` if the stack ends or cannot be unwound further.
        """

    def chain_at_call(self, registers: Registers, memory: Memory, depth: int) -> tuple[int, ...]:
        """Return the return addresses of the active calls at a call instruction, before it."""
