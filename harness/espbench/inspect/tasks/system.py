# SPDX-License-Identifier: MIT
"""`has_own_tasks`: whether a firmware has tasks beside those of ESP-IDF and MicroPython."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from espbench.errors import InspectError, QmpError
from espbench.inspect.tasks.task import Task

__all__ = ["has_own_tasks"]

SYSTEM = frozenset(
    {
        *("IDLE", "IDLE0", "IDLE1", "ipc0", "ipc1", "Tmr Svc", "esp_timer", "main"),
        *("sys_evt", "tiT", "emac_rx", "wifi"),
        *("mp_task", "network"),
    }
)
"""Tasks that start no server by themselves: those of FreeRTOS and ESP-IDF, of its event loop, lwIP
and Ethernet, and of MicroPython (ports/esp32/main.c, and board lx60)."""


class _Inspected(Protocol):
    def tasks(self) -> list[Task]: ...


def has_own_tasks(guest: _Inspected) -> bool | None:
    """Return whether a task is left that may start a server; None if nobody can see that.

    Args:
        guest: the look into the running guest.
    """
    try:
        tasks: Sequence[Task] = guest.tasks()
    except (InspectError, QmpError, OSError):
        return None
    if not tasks:
        return None
    return any(task.name not in SYSTEM for task in tasks)
