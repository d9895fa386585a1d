# SPDX-License-Identifier: MIT
"""`FreeRtosTasks`: reads FreeRTOS's lists of tasks (FreeRTOS-Kernel/tasks.c and list.c)."""

from __future__ import annotations

from collections.abc import Iterator

from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.memory import GuestMemory, Inconsistent
from espbench.inspect.tasks.task import Task, TaskState, unused_bytes

__all__ = ["CURRENT", "FreeRtosTasks"]

SOURCE = "tasks.c"
CURRENT = ("pxCurrentTCBs", "pxCurrentTCB")
"""The running task of each core: ESP-IDF's name, and that of the original kernel."""
READY = "pxReadyTasksLists"
DELAYED = ("xDelayedTaskList1", "xDelayedTaskList2")
PENDING = "xPendingReadyList"
SUSPENDED = "xSuspendedTaskList"
TERMINATED = "xTasksWaitingTermination"
NO_AFFINITY = 0x7FFFFFFF
"""`tskNO_AFFINITY` (ESP-IDF's FreeRTOS)."""
WAITING_NOTIFICATION = 1
MOST = 512
"""Tasks after which a list is considered damaged."""
LARGEST_STACK = 1 << 20
PIECE = 4096
"""Bytes of a stack that are read at a time where its size is not recorded."""


class FreeRtosTasks:
    """The tasks of a firmware with FreeRTOS."""

    def __init__(self, elf: FirmwareElf, memory: GuestMemory) -> None:
        """Find the lists and the layout of their entries.

        Raises:
            NotInspectable: the firmware has no FreeRTOS, or its ELF file does not describe it.
        """
        elf.check()
        current = next((elf.symbols[name] for name in CURRENT if name in elf.symbols), None)
        if current is None or READY not in elf.symbols:
            raise NotInspectable(f"{elf.path.name} has no FreeRTOS, so it has no tasks to read.")
        self._memory = memory
        self._current = current
        self._list = elf.structure(SOURCE, "xLIST")
        self._item = elf.structure(SOURCE, "xLIST_ITEM")
        self._tcb = elf.structure(SOURCE, "tskTaskControlBlock")
        self._container = "pxContainer" if self._item.has("pxContainer") else "pvContainer"
        self._lists: dict[int, TaskState] = {}
        for name, state in (
            (READY, TaskState.READY),
            (PENDING, TaskState.READY),
            (DELAYED[0], TaskState.BLOCKED),
            (DELAYED[1], TaskState.BLOCKED),
            (SUSPENDED, TaskState.SUSPENDED),
            (TERMINATED, TaskState.DELETED),
        ):
            if (symbol := elf.symbols.get(name)) is not None:
                ends = range(symbol.address, symbol.address + symbol.size, self._list.size)
                self._lists |= dict.fromkeys(ends, state)

    def read(self) -> list[Task]:
        """Return every task, by descending priority and then by name.

        Raises:
            GuestBusy, InspectError, QmpError: see `GuestMemory`.
        """
        tasks = self._memory.consistent(self._read)
        return sorted(tasks, key=lambda task: (-task.priority, task.name))

    def running(self) -> list[Task]:
        """Return the running task of each core, in the order of the cores; see `read`."""
        by_handle = {task.handle: task for task in self.read()}
        return [by_handle[handle] for handle in self._cores() if handle in by_handle]

    def _cores(self) -> list[int]:
        data = self._memory.read(self._current.address, max(4, self._current.size))
        words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
        return [word for word in words if word]

    def _read(self) -> list[Task]:
        running = self._cores()
        if not running:
            raise Inconsistent("the scheduler has not started")
        found: dict[int, TaskState] = {}
        for address, state in self._lists.items():
            for handle in self._owners(address):
                # A task in the list of pending ones is still in the list of blocked ones.
                if found.get(handle) is not TaskState.READY:
                    found[handle] = state
        for handle in running:
            found[handle] = TaskState.RUNNING
        return [self._task(handle, state) for handle, state in found.items()]

    def _owners(self, address: int) -> Iterator[int]:
        """Yield the owner of each item in a list."""
        data = self._memory.read(address, self._list.size)
        count = self._list.integer(data, "uxNumberOfItems")
        end = address + self._list.offset("xListEnd")
        if not count:
            return
        item = self._list.integer(data, "xListEnd.pxNext")
        for _ in range(count):
            if item in (end, 0) or count > MOST:
                raise Inconsistent("a list of tasks is not closed")
            entry = self._memory.read(item, self._item.size)
            if self._item.integer(entry, self._container) != address:
                raise Inconsistent("a task is not in the list its TCB names")
            yield self._item.integer(entry, "pvOwner")
            item = self._item.integer(entry, "pxNext")
        if item != end:
            raise Inconsistent("a list of tasks is not closed")

    def _task(self, handle: int, state: TaskState) -> Task:
        data = self._memory.read(handle, self._tcb.size)
        field = self._tcb.integer
        if state is TaskState.SUSPENDED and self._waits(data):
            state = TaskState.BLOCKED
        stack = field(data, "pxStack")
        size = None
        if self._tcb.has("pxEndOfStack"):
            # The stack's last bytes, aligned down; sizes are multiples of 16.
            size = ((field(data, "pxEndOfStack") - stack) // 16 + 1) * 16
        # A kernel for one core has no affinity, or does not use it.
        several = self._tcb.has("xCoreID") and self._current.size > 4
        core = field(data, "xCoreID") if several else 0
        return Task(
            name=self._tcb.text(data, "pcTaskName"),
            state=state,
            priority=field(data, "uxPriority"),
            stack_low_water=self._unused(stack, size),
            stack_size=size,
            core=None if core >= NO_AFFINITY else core,
            handle=handle,
            stack=stack,
        )

    def _waits(self, tcb: bytes) -> bool:
        """Return whether a task in the list of suspended ones waits for ever, as eTaskGetState."""
        if self._tcb.integer(tcb, f"xEventListItem.{self._container}"):
            return True
        states = self._tcb.integers(tcb, "ucNotifyState") if self._tcb.has("ucNotifyState") else []
        return WAITING_NOTIFICATION in states

    def _unused(self, stack: int, size: int | None) -> int:
        unused = 0
        while unused < (size or LARGEST_STACK):
            piece = min(PIECE, size - unused) if size is not None else PIECE
            free = unused_bytes(self._memory.read(stack + unused, piece))
            unused += free
            if free < piece:
                break
        return unused
