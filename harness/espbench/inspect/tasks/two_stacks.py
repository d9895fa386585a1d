# SPDX-License-Identifier: MIT
"""`TwoStacks`: the two threads of board lx60, which has no operating system.

MicroPython runs on the main stack; the network runs on its own (firmware/ports/lx60/net/net.c),
called from the main one or from an interrupt.
"""

from __future__ import annotations

from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.memory import GuestMemory
from espbench.inspect.tasks.task import Task, TaskState, unused_bytes

__all__ = ["MARK", "TwoStacks"]

MARK = "_net_stack"
STACKS = {"main": "_main_stack", "network": MARK}
"""Label of the lowest address by thread; `_top` follows it in the label of the highest."""
STACK_POINTER = "A01"


class TwoStacks:
    """The threads of a firmware for board lx60."""

    def __init__(self, elf: FirmwareElf, memory: GuestMemory) -> None:
        """Find the stacks.

        Raises:
            NotInspectable: the firmware has none of these names.
        """
        self._memory = memory
        self._stacks: dict[str, tuple[int, int]] = {}
        for name, label in STACKS.items():
            low, high = elf.address(label), elf.address(f"{label}_top")
            if low is None or high is None:
                raise NotInspectable(f"{elf.path.name} has no {label}, so its threads are unknown.")
            self._stacks[name] = low, high

    def read(self) -> list[Task]:
        """Return both threads; the network preempts the program, so it has the higher priority.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """
        return self._memory.consistent(self._read)

    def running(self) -> list[Task]:
        """Return the thread that runs."""
        return [task for task in self.read() if task.state is TaskState.RUNNING]

    def _read(self) -> list[Task]:
        (registers,) = self._memory.registers()
        within = {
            name: low <= registers[STACK_POINTER] <= high
            for name, (low, high) in self._stacks.items()
        }
        states = {
            "network": TaskState.RUNNING if within["network"] else TaskState.BLOCKED,
            "main": TaskState.READY if within["network"] else TaskState.RUNNING,
        }
        return [
            Task(
                name=name,
                state=states[name],
                priority=priority,
                stack_low_water=unused_bytes(self._memory.read(low, high - low)),
                stack_size=high - low,
                core=None,
                handle=low,
                stack=low,
            )
            for priority, name in ((1, "network"), (0, "main"))
            for low, high in (self._stacks[name],)
        ]
