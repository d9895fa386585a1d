# SPDX-License-Identifier: MIT
"""`status`: what a key of `espbench up` shows of the running device: its heap and its tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from espbench.device.memory.heap_info import HeapInfo
from espbench.errors import EspbenchError, NotInspectable
from espbench.inspect.tasks.task import Task
from espbench.interactive.answering import Address

__all__ = ["Inspectable", "curl", "row", "status"]

PATIENCE = 5.0
"""Seconds (before scaling) that the device has to answer for its heap."""


class Inspectable(Protocol):
    """What has a heap and tasks, such as a `Device`."""

    def heap(self, timeout: float) -> HeapInfo:
        """Return the figures of the heap."""

    def tasks(self) -> list[Task]:
        """Return every task."""


def row(name: str, text: str) -> str:
    """Return a line with a name in the column of addresses' names."""
    return f"{name:12} {text}"


def curl(addresses: Sequence[Address]) -> list[str]:
    """Return how to ask the first https address, whose certificate no CA of curl's has issued."""
    urls = [address.url for address in addresses if address.url.startswith("https:")]
    return [row("try", f"curl -k {url}  (-k: curl cannot verify it)") for url in urls[:1]]


def status(device: Inspectable) -> list[str]:
    """Return lines with the device's heap and tasks, or with the reason why they cannot be read."""
    lines: list[str] = []
    for read in (_heap, _tasks):
        try:
            lines += read(device)
        except NotInspectable as error:
            lines.append(row(read.__name__.strip("_"), str(error)))
            break  # the other one would say the same
        except EspbenchError as error:
            lines.append(row(read.__name__.strip("_"), f"not now: {error}"))
    return lines


def _heap(device: Inspectable) -> Iterator[str]:
    heap = device.heap(PATIENCE)
    yield row(
        "heap",
        f"{heap.free:,} B free (lowest: {heap.low_water:,} B), largest block {heap.largest:,} B, "
        f"{heap.blocks} allocations",
    )


def _tasks(device: Inspectable) -> Iterator[str]:
    tasks = device.tasks()
    width = max((len(task.name) for task in tasks), default=0)
    for number, task in enumerate(tasks):
        size = "" if task.stack_size is None else f" of {task.stack_size:,}"
        stack = f"{task.stack_low_water:,}{size} B of its stack never used"
        text = f"{task.name:{width}}  {task.state.value:9}  priority {task.priority:2}  {stack}"
        yield row("" if number else "tasks", text)
