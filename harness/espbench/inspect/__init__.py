# SPDX-License-Identifier: MIT
"""Looks into an unmodified firmware from outside: heaps, tasks, sockets.

All that it needs is the firmware's ELF file, for symbols and DWARF, and QEMU.
"""

from espbench.inspect.heap.figures import Capability, Heap, HeapFigures
from espbench.inspect.inspection import Inspection
from espbench.inspect.sockets import Listener
from espbench.inspect.tasks.task import Task, TaskState

__all__ = [
    "Capability",
    "Heap",
    "HeapFigures",
    "Inspection",
    "Listener",
    "Task",
    "TaskState",
]
