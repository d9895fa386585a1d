# SPDX-License-Identifier: MIT
"""`Run`: creates and connects the parts of a device that live from one start to the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from espbench.boards.board import Board
from espbench.boards.readiness import Readiness, ReadyTarget
from espbench.device.boots import Boots
from espbench.device.console.console import Console
from espbench.device.console.control import Control
from espbench.device.faults import FaultMonitor
from espbench.device.filesystem import Filesystem
from espbench.device.memory.device_memory import DeviceMemory
from espbench.device.micropython import MicroPython
from espbench.device.readiness import ReadinessMonitor
from espbench.device.timeline import Timeline
from espbench.emulator.interface import Emulator
from espbench.errors import EspbenchError
from espbench.inspect.inspection import InspectedGuest
from espbench.inspect.tasks.system import has_own_tasks
from espbench.netem.on_demand import OnDemandNetwork
from espbench.qemu.qmp import Qmp
from espbench.tcprelay import OnDemandRelay

__all__ = ["Run", "RunTarget"]

RECORDED_PIECE = 600
"""Bytes of a file per request while QEMU records, which makes its UART slow."""


class RunTarget(ReadyTarget, InspectedGuest, Protocol):
    """The interface of a device that a run needs; `Device` implements it."""

    name: str
    readiness: Readiness

    @property
    def board(self) -> Board:
        """Its board."""


class Run:
    """One run of a device; created at its start, and kept until the next start."""

    def __init__(
        self,
        device: RunTarget,
        *,
        tap: Callable[[bytes], None] | None,
        records: bool,
        qmp: Callable[[], Qmp | None],
        emulator: Callable[[], Emulator],
        ended: Callable[[], EspbenchError | None],
    ) -> None:
        """Create the parts; nothing runs yet.

        Args:
            device: the device that runs.
            tap: called with everything that the guest prints, as it arrives.
            records: whether QEMU records the run.
            qmp: returns QEMU's monitor, or None.
            emulator: returns the running emulator, or raises NotRunning.
            ended: returns why the console is closed.
        """
        board = device.board
        self.timeline = Timeline()
        self.console = Console(
            self.timeline,
            on_record=self._take_record,
            on_text=self._take_text,
            faulty=lambda: self.faults.faulty(),
            fault=lambda: self.faults.find(),
            tap=tap,
        )
        self.control = Control(self.console, board.longest_request)
        self.memory = DeviceMemory(self.control, self.timeline, device, board.heap_noise)
        self.python = MicroPython(device.name, self.control)
        # base64 turns three bytes into four, and the request wraps them in a line of Python.
        piece = board.longest_request // 2 - 256
        self.filesystem = Filesystem(self.python, min(piece, RECORDED_PIECE) if records else piece)
        self.network = OnDemandNetwork(device.name, qmp, self.timeline.add)
        self.relay = OnDemandRelay(device.name, emulator)
        self.boots = Boots(
            board, self.timeline, printed=lambda: len(self.console.text), on_begin=self._end_boot
        )
        self.readiness = ReadinessMonitor(
            device.name,
            device.readiness,
            device,
            console=self.console,
            control=self.control,
            boots=self.boots,
            goes_on=lambda: has_own_tasks(self.memory.inspection),
        )
        self.faults = FaultMonitor(
            device.name,
            board,
            device.firmware,
            device.elf,
            console=self.console,
            boots=self.boots,
            readiness=self.readiness,
            timeline=self.timeline,
            ended=ended,
        )

    def close(self) -> None:
        """End the relays, when the emulator has ended."""
        self.network.close()
        self.relay.close()

    def _take_record(self, record: dict[str, Any]) -> None:
        """Take a control record; called with the console's lock held."""
        if self.control.take(record) or "event" not in record:
            return
        self.boots.take_event(record)
        if record["event"] == "panic":
            self.faults.finish_dump()

    def _take_text(self, text: str) -> None:
        """Look for panics and resets; called with the console's lock held."""
        self.faults.feed(text)
        self.boots.feed(text)

    def _end_boot(self) -> None:
        """Stop waiting for the rest of the previous boot's dump, and for its answers."""
        self.faults.finish_dump()
        self.control.lose()
