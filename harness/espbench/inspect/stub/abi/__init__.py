# SPDX-License-Identifier: MIT
"""Calling conventions as data and pure functions: call0, windowed (both Xtensa) and RISC-V."""

from __future__ import annotations

from espbench.errors import ConfigError
from espbench.inspect.stub.abi.call0 import Call0
from espbench.inspect.stub.abi.riscv import RiscV
from espbench.inspect.stub.abi.types import Abi, Memory, Registers
from espbench.inspect.stub.abi.windowed import Windowed
from espbench.inspect.stub.code import FirmwareCode

__all__ = ["Abi", "Memory", "Registers", "abi_of"]


def abi_of(code: FirmwareCode) -> Abi:
    """Return the calling convention of a firmware.

    Raises:
        ConfigError: it is for another instruction set.
    """
    if code.machine == "EM_XTENSA":
        return Windowed() if code.windowed else Call0(code)
    if code.machine == "EM_RISCV":
        return RiscV(code)
    raise ConfigError(
        f"{code.elf} is for {code.machine}, whose calls espbench cannot follow: it knows Xtensa "
        "and RISC-V."
    )
