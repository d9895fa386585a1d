# SPDX-License-Identifier: MIT
"""`Inspection`: looks into a running guest whose firmware knows nothing of espbench."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Protocol

from espbench.boards.board import Board
from espbench.boards.emulators import MONITOR, lacks
from espbench.clients import Endpoint
from espbench.errors import NotInspectable
from espbench.inspect.allocation_control import AllocationControl
from espbench.inspect.elf.firmware import FirmwareElf, firmware_elf
from espbench.inspect.elf.match import beside, check_match
from espbench.inspect.heap.figures import Heap
from espbench.inspect.heap.reader import Heaps, heaps_of
from espbench.inspect.memory import GuestMemory, MonitoredGuest
from espbench.inspect.sockets import Listener, Sockets, Waiting
from espbench.inspect.stub.protocol import RemoteProtocol
from espbench.inspect.tasks.reader import Tasks, tasks_of
from espbench.inspect.tasks.task import Task
from espbench.qemu.process import Qemu
from espbench.qemu.qmp import Qmp

__all__ = ["InspectedGuest", "Inspection", "has_bench"]

BENCH = "control_event"
"""A function of the control channel (firmware/ports/common/control.c)."""


def has_bench(elf: Path) -> bool:
    """Return whether a firmware has the control channel, by its ELF file; not without symbols."""
    try:
        return BENCH in firmware_elf(elf).symbols
    except (NotInspectable, OSError):
        return False


class InspectedGuest(MonitoredGuest, Protocol):
    """A guest with its firmware, such as a `Device`."""

    firmware: Path

    @property
    def board(self) -> Board:
        """Its board."""

    @property
    def elf(self) -> Path:
        """The firmware's ELF file, or the firmware itself."""

    @property
    def qemu(self) -> Qemu:
        """The running QEMU.

        Raises:
            NotRunning: it does not run.
        """


class Inspection:
    """Reads heaps, tasks and sockets of a guest from its memory; the guest does not notice.

    Each method stops the guest and its clock for a few milliseconds. It works whatever the guest
    does: also while it hangs, or after it has panicked.

    Each raises NotInspectable where the firmware lacks what it needs (an ELF file that matches,
    with DWARF; FreeRTOS; lwIP), GuestBusy when the guest changes what is read each time, and
    QmpError when QEMU does not answer.
    """

    def __init__(self, guest: InspectedGuest) -> None:
        """Prepare; the ELF file is read when it is first needed."""
        self._guest = guest
        self._refused: str | None = None
        self.memory = GuestMemory(guest)
        """The guest's memory."""
        self.allocations = AllocationControl(self._whole_elf, self._qmp, self._nudge)
        """The guest's allocations, by QEMU's gdb stub."""

    def close(self) -> None:
        """Detach from the gdb stub, if it was used; the guest runs on."""
        self.allocations.close()

    def why_not(self) -> str:
        """Return why this firmware cannot be looked into, as a sentence; "" if it can."""
        try:
            self.elf.check()
        except NotInspectable as error:
            return str(error)
        return ""

    @functools.cached_property
    def elf(self) -> FirmwareElf:
        """The firmware's ELF file, which belongs to this build.

        Raises:
            NotInspectable: there is none, or it belongs to another build.
            NotEmulated: the emulator could not read the memory that it describes.
        """
        if not self._guest.board.in_qemu:
            raise lacks(MONITOR)
        if self._refused is not None:
            raise NotInspectable(self._refused)
        try:
            elf = firmware_elf(self._guest.elf)
            check_match(self._guest.elf, self._guest.firmware)
        except NotInspectable as error:
            ignored = beside(self._guest.firmware)[1] if self._has_none() else ""
            self._refused = ignored or str(error)  # the next look need not read the files again
            raise NotInspectable(self._refused) from None
        return elf

    def heaps(self) -> list[Heap]:
        """Return every heap, with its capabilities and its figures."""
        return self._heaps.read()

    def reset_low_water(self) -> None:
        """Set each heap's low-water mark to the bytes that are free now.

        This writes to the guest's memory, as `heap_caps_monitor_local_minimum_free_size_start`
        does. Raises StubError when QEMU's gdb stub refuses it.
        """

        def work(remote: RemoteProtocol) -> None:
            for address, value in self._heaps.low_water():
                remote.write(address, value.to_bytes(4, "little"))

        self.allocations.stub.run(work)

    def tasks(self) -> list[Task]:
        """Return every task, by descending priority."""
        return self._tasks.read()

    def running_tasks(self) -> list[Task]:
        """Return the running task of each core."""
        return self._tasks.running()

    def listeners(self) -> list[Listener]:
        """Return what listens in the guest."""
        return self._sockets.listeners()

    def connections(self) -> dict[str, int]:
        """Return the number of TCP connections by state (RFC 9293, section 3.3.2)."""
        return self._sockets.connections()

    def accepted_connections(self) -> dict[str, int]:
        """Return the number of connections to the guest's listeners by state, but TIME-WAIT."""
        return self._sockets.accepted()

    def time_wait(self) -> Waiting:
        """Return the heap that connections in TIME-WAIT hold until they end."""
        return self._sockets.waiting()

    @property
    def has_bench(self) -> bool:
        """Whether the firmware has espbench's module `bench` and its control channel."""
        return BENCH in self.elf.symbols

    def _has_none(self) -> bool:
        return self._guest.elf == self._guest.firmware

    def _whole_elf(self) -> Path:
        self.elf.check()
        return self.elf.path

    def _qmp(self) -> Qmp:
        """Return the monitor, to attach to the gdb stub.

        Raises:
            NotRunning: QEMU does not run.
            NotInspectable: it records.
        """
        if self._guest.qemu.machine.recording is not None:
            raise NotInspectable(
                "QEMU records this device, and a replay could not repeat what its gdb stub "
                "changes: start it without record=True (--espbench-record)."
            )
        qmp = self._guest.qemu.qmp
        assert qmp is not None, "a running QEMU has a monitor"
        return qmp

    def _nudge(self) -> None:
        """Open a TCP connection to the guest and close it: each frame needs a buffer.

        Raises:
            ClientError: the connection failed.
            NotInspectable: no port is forwarded.
        """
        forwards = self._guest.qemu.forwards
        if not forwards:
            raise NotInspectable(
                "No port is forwarded to the guest, so nothing can make it allocate: forward one "
                "(--espbench-ports http=80)."
            )
        Endpoint(forwards[0].host_port).raw().close()

    @functools.cached_property
    def _heaps(self) -> Heaps:
        return heaps_of(self.elf, self.memory)

    @functools.cached_property
    def _tasks(self) -> Tasks:
        return tasks_of(self.elf, self.memory)

    @functools.cached_property
    def _sockets(self) -> Sockets:
        return Sockets(self.elf, self.memory)
