# SPDX-License-Identifier: MIT
"""Offers a device to gdb: opens QEMU's gdb stub, says how to attach, and holds all time-outs.

The stub is opened over the monitor, so QEMU needs no option for it, and a port in use is reported.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.errors import InspectError, QmpError
from espbench.inspect.elf.firmware import firmware_elf
from espbench.inspect.elf.match import beside, check_match
from espbench.inspect.stub import attach
from espbench.inspect.tasks.freertos import CURRENT
from espbench.qemu.debugger import find_gdb, freertos_import, gdb_command, missing, usual_gdb
from espbench.qemu.qmp import Qmp
from espbench.util.timeouts import CLOCK

__all__ = ["Debugger", "Debugging"]


@dataclass(frozen=True)
class Debugging:
    """How a device offers itself to gdb.

    Attributes:
        show: called at each start with the text that says how to attach.
        wait: whether the guest waits before its first instruction until gdb lets it run.
        port: TCP port of the stub on 127.0.0.1; 0: a free one.
    """

    show: Callable[[str], None]
    wait: bool = False
    port: int = 0

    @property
    def arguments(self) -> tuple[str, ...]:
        """Arguments for QEMU."""
        return ("-S",) if self.wait else ()


class Debugger:
    """The stub of one running QEMU; while gdb holds the guest, no `Deadline` expires."""

    def __init__(self, debugging: Debugging, board: Board, firmware: Path, elf: Path) -> None:
        """Find gdb and the firmware's symbols, which takes a second; nothing is opened yet."""
        self.pauses_itself = False
        """Whether the device itself pauses the guest; then time-outs go on."""
        self._debugging = debugging
        self._program = find_gdb(board, os.environ)
        self._named = self._program or usual_gdb(board)
        self._hints = [] if self._program else [missing(board, os.environ)]
        self._elf: Path | None = elf
        self._freertos = ""
        self._qmp: Qmp | None = None
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = -1, -1
        try:
            symbols = firmware_elf(elf).symbols
            check_match(elf, firmware)
        except InspectError as error:
            self._elf = None
            why = (beside(firmware)[1] if elf == firmware else "") or error
            self._hints.append(f"gdb will know no names: {why}")
            return
        if self._program and any(name in symbols for name in CURRENT):
            self._freertos = freertos_import(self._program)

    def open(self, qmp: Qmp) -> None:
        """Open the stub and show the command that attaches gdb.

        Raises:
            StubBusy, StubError: QEMU's stub cannot be used.
            PortInUse: another program uses the port.
        """
        self._qmp = qmp
        port = attach.listen(qmp, self._debugging.port)
        if self._debugging.wait:
            CLOCK.hold(self)
        qmp.listen(self._note)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._thread = threading.Thread(
            target=self._watch, args=(qmp,), name="debugger watch", daemon=True
        )
        self._thread.start()
        self._debugging.show(self._text(port))

    def close(self) -> None:
        """Stop watching; time-outs go on. Safe in any state."""
        if self._qmp is not None:
            self._qmp.ignore(self._note)
        if self._thread is not None:
            os.write(self._wake_write, b"\0")
            self._thread.join()
            self._thread = None
            os.close(self._wake_read)
            os.close(self._wake_write)
        CLOCK.release(self)

    def _text(self, port: int) -> str:
        first = (
            "The device waits for gdb, and starts when gdb continues. In another terminal:"
            if self._debugging.wait
            else "To debug the device, in another terminal:"
        )
        elf = None if self._elf is None else self._elf.absolute()
        command = gdb_command(self._named, port, elf, self._freertos)
        return "\n".join([first, f"  {command}", *self._hints])

    def _note(self, event: dict[str, Any]) -> None:
        """Take an event of QEMU; whichever thread read it calls this."""
        if event["event"] == "STOP" and not self.pauses_itself:
            CLOCK.hold(self)
        elif event["event"] == "RESUME":
            CLOCK.release(self)

    def _watch(self, qmp: Qmp) -> None:
        """Read events while no other thread uses the monitor, until `close` or the end of QEMU."""
        poll = select.poll()
        poll.register(qmp.fileno(), select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        with contextlib.suppress(QmpError):
            while not any(source == self._wake_read for source, _ in poll.poll()):
                qmp.read_events()
            return
        CLOCK.release(self)
