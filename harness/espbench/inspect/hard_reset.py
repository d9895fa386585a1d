# SPDX-License-Identifier: MIT
"""`hard_reset`: resets a whole machine, without what QEMU should not keep over a reset."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

from espbench.boards.board import Board
from espbench.inspect.stub.bus import write_register
from espbench.inspect.stub.errors import StubError
from espbench.qemu.process import Qemu
from espbench.util.timeouts import Deadline

__all__ = ["Resettable", "hard_reset"]

ALL = 0x7F
"""All bits of INT_SOURCE (OpenCores Ethernet MAC, "Ethernet IP Core Specification", 3.2)."""


class Resettable(Protocol):
    """A running device, as `hard_reset` sees it."""

    board: Board

    @property
    def qemu(self) -> Qemu:
        """The running QEMU."""

    def monitor(self, command: str, timeout: float | Deadline = 5.0, /, **arguments: Any) -> Any:
        """Execute a QMP command."""


def hard_reset(device: Resettable, deadline: Deadline) -> None:
    """Reset the machine; a guest that was stopped stays stopped.

    QEMU's `esp32` keeps the level of an interrupt line over a reset. If the MAC's is high, because
    the guest has not yet handled a frame, the next boot's driver takes an interrupt that has no
    source, and ESP-IDF's panics. So the sources are cleared first.

    Raises:
        QmpError: QEMU has ended, or did not answer.
    """
    register, qmp = device.board.kept_interrupts, device.qemu.qmp
    if register is None or qmp is None:
        device.monitor("system_reset", deadline)
        return
    with qmp.halting:
        running = device.monitor("query-status", deadline)["running"]
        if running:
            device.monitor("stop", deadline)
        # While somebody else uses the stub, the reset is as good as QEMU's own.
        with contextlib.suppress(StubError):
            write_register(qmp, register, ALL)
        device.monitor("system_reset", deadline)
        if running:
            device.monitor("cont", deadline)
