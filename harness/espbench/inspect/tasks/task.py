# SPDX-License-Identifier: MIT
"""`Task`: one task of a firmware."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = ["Task", "TaskState", "least_free", "unused_bytes"]

FILL = b"\xa5"
"""`tskSTACK_FILL_BYTE` (FreeRTOS-Kernel/tasks.c); board lx60 uses the same."""


class TaskState(Enum):
    """The state of a task, as FreeRTOS's `eTaskState` names it."""

    RUNNING = "running"
    READY = "ready"
    BLOCKED = "blocked"
    SUSPENDED = "suspended"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        name: its name.
        state: its state.
        priority: its current priority; higher runs first.
        stack_low_water: the fewest bytes ever free on its stack
            (`uxTaskGetStackHighWaterMark` in bytes).
        stack_size: bytes of its stack; None if the firmware does not record it.
        core: the only core that it may run on; None for any.
        handle: the address of its control block.
        stack: the lowest address of its stack.
    """

    name: str
    state: TaskState
    priority: int
    stack_low_water: int
    stack_size: int | None
    core: int | None
    handle: int
    stack: int

    def as_json(self) -> dict[str, str | int | None]:
        """Return the task as a JSON object, without addresses."""
        return {
            "name": self.name,
            "state": self.state.value,
            "priority": self.priority,
            "stack_low_water": self.stack_low_water,
            "stack_size": self.stack_size,
            "core": self.core,
        }


def least_free(tasks: Sequence[Task]) -> dict[str, int]:
    """Return the least free stack by task; its size distinguishes tasks of the same name."""
    names = Counter(task.name for task in tasks)
    found: dict[str, int] = {}
    for task in tasks:
        name = task.name if names[task.name] == 1 else f"{task.name} ({task.stack_size} B)"
        found[name] = min(task.stack_low_water, found.get(name, task.stack_low_water))
    return found


def unused_bytes(stack: bytes) -> int:
    """Return how many bytes at the far end of a stack, its lowest addresses, were never written."""
    return len(stack) - len(stack.lstrip(FILL))
