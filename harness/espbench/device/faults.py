# SPDX-License-Identifier: MIT
"""Finds out what is wrong with a running device: `FaultMonitor` (panics, reboot loops, its end)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path

from espbench.boards.board import Board
from espbench.crash.dump import Collector, parse_dump
from espbench.crash.panic import Panic
from espbench.device import flash_layout as layout
from espbench.device.boots import Boots
from espbench.device.console.console import Console
from espbench.device.readiness import ReadinessMonitor
from espbench.device.timeline import Timeline
from espbench.errors import ControlError, EspbenchError, Panicked, RebootLoop
from espbench.util.timeouts import Deadline

__all__ = ["FaultMonitor"]

PANIC_PATIENCE = 2.0
"""Seconds (scaled) that a panic's dump may take to be printed."""


class FaultMonitor:
    """Collects the panics of one run of a device, and knows why waiting for it is useless."""

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
            firmware: what it runs.
            elf: the file with debugging information, to decode backtraces with.
            console: the run's.
            boots: the run's.
            readiness: what explains why the device is not ready.
            timeline: where panics are noted.
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
        """Return whether waiting is useless, besides a closed console."""
        return bool(self._unseen) or self._boots.looping

    def find(self) -> EspbenchError | None:
        """Return what is wrong, or None; may wait until a dump is complete."""
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
        """Expect the block to make the guest panic, and take that for no fault.

        The list that this yields holds the panic when the block is left.

        Raises:
            ControlError: no panic came in time.
        """
        before = len(self.panics)
        found: list[Panic] = []
        with contextlib.suppress(Panicked, ControlError):
            yield found
        # The panic itself is a fault that ends every wait, so it is looked for like this.
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
            raise ControlError(f"The guest was to panic, and did not within {deadline}.")

    def feed(self, text: str) -> None:
        """Look for dumps in what the console printed; called with its lock held."""
        for dump in self._collector.feed(text):
            self._add(dump)

    def finish_dump(self) -> None:
        """Take the dump that is being printed for complete; called with the console's lock held."""
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
        look = f"{damage}: make {self._firmware} anew" if damage else "look for what resets it"
        return RebootLoop(
            f"{self._name} was to {self._readiness.describe()}, and booted "
            f"{self._boots.in_vain} times in a row instead, the last time because of "
            f"{self._boots.cause}: {look}; its console ended with:\n{tail}",
            boots=self._boots.in_vain,
            cause=self._boots.cause,
            tail=tail,
        )
