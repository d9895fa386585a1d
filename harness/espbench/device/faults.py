# SPDX-License-Identifier: MIT
"""`FaultMonitor`: detects faults of a running device: panics, reboot loops, the exit of QEMU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path

from espbench.boards.board import Board
from espbench.clients.errors import ClientError
from espbench.crash.dump import Collector, parse_dump
from espbench.crash.panic import Panic
from espbench.device import flash_layout as layout
from espbench.device.boots import Boots
from espbench.device.console.console import Console
from espbench.device.readiness import ReadinessMonitor
from espbench.device.timeline import Timeline
from espbench.errors import ControlError, DeviceError, EspbenchError, Panicked, RebootLoop
from espbench.util.timeouts import Deadline

__all__ = ["FaultMonitor"]

PANIC_PATIENCE = 2.0
"""Seconds (scaled) that printing a panic's dump may take."""


class FaultMonitor:
    """Collects the panics of one run of a device, and knows why waiting for it is pointless."""

    def __init__(
        self,
        name: str,
        board: Board,
        firmware: Path,
        elf: Path,
        *,
        console: Console,
        boots: Boots,
        readiness: ReadinessMonitor,
        timeline: Timeline,
        ended: Callable[[], EspbenchError | None],
    ) -> None:
        """Watch a run.

        Args:
            name: the device's, for messages.
            board: the device's.
            firmware: the device's.
            elf: the file with debugging information, for decoding backtraces.
            console: the run's.
            boots: the run's.
            readiness: explains why the device is not ready.
            timeline: records panics.
            ended: returns why the console is closed.
        """
        self._name = name
        self._board = board
        self._firmware = firmware
        self._elf = elf if elf.suffix == ".elf" else None
        self._console = console
        self._boots = boots
        self._readiness = readiness
        self._timeline = timeline
        self._ended = ended
        self._collector = Collector()
        self._unseen: list[Panic] = []
        self.panics: list[Panic] = []
        """Every panic since the start."""

    def faulty(self) -> bool:
        """Return whether waiting is pointless for another reason than a closed console."""
        return bool(self._unseen) or self._boots.looping

    def find(self) -> EspbenchError | None:
        """Return the error that explains what is wrong, or None.

        May wait until a dump is complete.
        """
        if fault := self.panicked():
            return fault
        if self._boots.cannot_boot:
            return self._readiness.not_ready(
                "because the chip's ROM found nothing to boot in its flash "
                f"({self._boots.no_boot}): is the firmware a merged binary for this chip"
            )
        if self._boots.looping:
            return self._reboot_loop()
        return self._ended() if self._console.closed else None

    def panicked(self) -> Panicked | None:
        """Return the error of a panic that no test expected, or None.

        Waits until a dump that is being printed is complete.
        """
        deadline = Deadline(PANIC_PATIENCE)
        with self._console.changed:
            while self._collector.collecting and not self._console.closed:
                if deadline.expired():
                    break
                self._console.changed.wait(deadline.remaining())
            self.finish_dump()
            panic = self._unseen[0] if self._unseen else None
        if panic is None:
            return None
        return Panicked(f"The guest panicked {panic.at:.3f} s after its start: {panic}", panic)

    @contextlib.contextmanager
    def expects_panic(self, deadline: Deadline) -> Generator[list[Panic]]:
        """Expect the block to make the guest panic, and do not report that as a fault.

        The yielded list holds the panic once the block has been left. What the block raises because
        the panic cut off its connection (see `_is_of_connection`) is not an error.

        Raises:
            ControlError: the guest did not panic in time.
        """
        before = len(self.panics)
        found: list[Panic] = []
        cut_off: Exception | None = None
        try:
            yield found
        except Exception as error:
            if not _is_of_connection(error):
                raise
            cut_off = error
        # `Console.wait_for` would raise because of the very panic that is expected.
        with self._console.changed:
            while len(self.panics) == before and not self._console.closed:
                if deadline.expired():
                    self.finish_dump()
                    break
                self._console.changed.wait(deadline.remaining())
            found.extend(self.panics[before:])
            self._unseen.clear()
        if not found:
            self._console.check()
            message = f"Expected a panic, but the guest did not panic within {deadline}."
            raise ControlError(message) from cut_off

    def take_unseen(self) -> list[Panic]:
        """Return the panics that would be reported as faults, and do not report them any more."""
        with self._console.changed:
            self.finish_dump()
            taken, self._unseen = self._unseen, []
        return taken

    def feed(self, text: str) -> None:
        """Look for dumps in what the console printed; called with its lock held."""
        for dump in self._collector.feed(text):
            self._add(dump)

    def finish_dump(self) -> None:
        """Treat the dump that is being printed as complete; called with the console's lock held."""
        if dump := self._collector.finish():
            self._add(dump)

    def _add(self, text: str) -> None:
        panic = Panic(parse_dump(text), self._elf, self._timeline.now())
        self.panics.append(panic)
        self._unseen.append(panic)
        self._timeline.add("panic", headline=panic.headline)

    def _reboot_loop(self) -> RebootLoop:
        tail = self._console.tail()
        damage = layout.damage(self._board, self._firmware)
        advice = f"{damage}: rebuild {self._firmware}" if damage else "find out what resets it"
        return RebootLoop(
            f"{self._readiness.name} did not {self._readiness.describe()} but booted "
            f"{self._boots.in_vain} times in a row, the last time because of "
            f"{self._boots.cause}: {advice}; its console ended with:\n{tail}",
            boots=self._boots.in_vain,
            cause=self._boots.cause,
            tail=tail,
        )


def _is_of_connection(error: Exception) -> bool:
    """Return whether a client, or the device, may raise this when the guest panics.

    Clients of any library count, whose errors are classes of their own, such as
    `httpx.RemoteProtocolError`. Of Python's built-in ones, most would be mistakes in a test.
    """
    if isinstance(error, AssertionError):
        return False
    if isinstance(error, EspbenchError):
        return isinstance(error, (DeviceError, ClientError))
    if type(error).__module__ == "builtins":
        return isinstance(error, (ConnectionError, TimeoutError, EOFError))
    return True
