# SPDX-License-Identifier: MIT
"""`Emulator`: what a device needs of the process that emulates its board.

`Qemu` and `EspEmu` have it. What QEMU alone has is not part of it: the monitor (QMP), with which
espbench pauses a guest, reads its memory, impairs its network and opens a gdb stub; capturing the
network; recording; and forwarding a port to a running guest.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Protocol

from espbench.errors import QemuError
from espbench.qemu.hostfwd import Forward
from espbench.qemu.process import Machine
from espbench.qemu.uart_pacing import Pace
from espbench.util.timeouts import Deadline

__all__ = ["Emulator"]


class Emulator(Protocol):
    """One process that emulates a board."""

    machine: Machine
    program: str
    command: list[str]
    forwards: list[Forward]
    """The forwarded ports, from `connect` on."""

    @property
    def pid(self) -> int | None:
        """The process id, or None if it was never started."""

    @property
    def running(self) -> bool:
        """Whether the process is running."""

    def start(self) -> None:
        """Start it; no byte of the console is lost.

        Raises:
            QemuError: it could not be started.
        """

    def take_wires(self) -> tuple[socket.socket, socket.socket | None]:
        """Return the sockets of console and control UART, which the caller has to close."""

    def pace(self, elf: Path) -> Pace | None:
        """Return the flow control for input to the UART; None if the emulator does it."""

    def connect(self, deadline: Deadline) -> None:
        """Wait until it can be controlled, and its forwarded ports are known.

        Raises:
            QemuError: it ended, is too old or does not respond.
        """

    def add_forward(self, rule: str, deadline: Deadline | float = 5.0) -> None:
        """Forward another host port to the running guest.

        Raises:
            QemuError: the port could not be forwarded.
            NotEmulated: the emulator cannot do that.
        """

    def forward_apart(
        self, guest_port: int, number: int, deadline: Deadline | float = 5.0
    ) -> list[int]:
        """Forward ports of 127.0.0.1 that `forwards` does not list, and return them.

        Raises:
            QemuError: a port could not be forwarded.
            NotEmulated: the emulator cannot do that.
        """

    def host_ports(self, guest_port: int) -> list[int]:
        """Return the host ports that are forwarded to a guest port."""

    def stderr(self) -> str:
        """Return the last lines of its standard error."""

    def wait(self, timeout: float) -> int | None:
        """Return the exit status if it ends within this many seconds, else None."""

    def death(self) -> QemuError:
        """Return the error for a process that ended unexpectedly."""

    def stop(self) -> int | None:
        """End the process, whatever state it is in, and return its exit status."""
