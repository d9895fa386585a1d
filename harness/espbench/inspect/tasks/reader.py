# SPDX-License-Identifier: MIT
"""`tasks_of`: the reader for the tasks of a firmware, whichever operating system it has."""

from __future__ import annotations

from typing import Protocol

from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.memory import GuestMemory
from espbench.inspect.tasks.freertos import CURRENT, FreeRtosTasks
from espbench.inspect.tasks.task import Task
from espbench.inspect.tasks.two_stacks import MARK, TwoStacks

__all__ = ["Tasks", "tasks_of"]


class Tasks(Protocol):
    """Reads the tasks of a guest."""

    def read(self) -> list[Task]:
        """Return every task, by descending priority.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """

    def running(self) -> list[Task]:
        """Return the running task of each core; see `read`."""


def tasks_of(elf: FirmwareElf, memory: GuestMemory) -> Tasks:
    """Return the reader for this firmware.

    Raises:
        NotInspectable: it has neither FreeRTOS nor the threads of board lx60, or its ELF file does
            not describe them.
    """
    elf.check()
    if any(name in elf.symbols for name in CURRENT):
        return FreeRtosTasks(elf, memory)
    if MARK in elf.symbols:
        return TwoStacks(elf, memory)
    raise NotInspectable(f"{elf.path.name} has no FreeRTOS, so it has no tasks to read.")
