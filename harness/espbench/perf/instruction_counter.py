# SPDX-License-Identifier: MIT
"""Counts the instructions that a device executed, by a counter in its memory.

The firmware counts the cycles of its clock without those that it slept through, and leaves them
where the host finds them (firmware/modules/bench/cycles.h). Under `-icount` the guest's clock
goes by instructions, so cycles say how many were executed. Reading them costs the device nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from espbench.device.device import Device
from espbench.errors import FigureUnavailable
from espbench.perf.ack_tracker import Wire
from espbench.qemu.guest_memory import examine, parse_words, symbol_address
from espbench.util.timeouts import Deadline

SYMBOL = "bench_work"
MAC = b"\x52\x54\x00\x12\x34\x56"
"""QEMU's address for the first NIC, which every board takes."""
LOOK = 0.001
"""Seconds between two looks at what is not acknowledged: slirp takes 2 ms for that."""
_RECORD = struct.Struct("<IIQQQQ")
_WORDS = _RECORD.size // 4


@dataclass(frozen=True)
class Work:
    """What the device worked until now.

    Attributes:
        frequency: of its cycles, in Hz.
        asleep: whether it sleeps.
        cycles: since it started, up to its last sleep, without housekeeping.
        housekeeping: of those times awake in which no frame with something in it came.
        at_event: both, up to its last event.
        frames: that it has taken from its NIC.
    """

    frequency: int
    asleep: bool
    cycles: int
    housekeeping: int
    at_event: int
    frames: int

    @classmethod
    def of(cls, record: bytes) -> Work:
        """Make it from the firmware's record."""
        frequency, asleep, *counts = _RECORD.unpack(record)
        return cls(frequency, bool(asleep), *counts)


def icount(shift: int) -> tuple[str, ...]:
    """Return the arguments for a QEMU whose guest clock goes 2**shift ns an instruction.

    While the guest sleeps its clock goes with the host's: with `sleep=off` it would jump to the
    next time-out of TCP each time that it waits for a packet.
    """
    return ("-icount", f"shift={shift},align=off,sleep=on")


def instructions(cycles: float, frequency: int, shift: int) -> float:
    """Return how many instructions so many cycles are under `icount(shift)`."""
    return cycles * 1e9 / frequency / (1 << shift)


class Meter:
    """Reads a running device's work, and tells when it has nothing left to do."""

    def __init__(self, device: Device) -> None:
        """Find the firmware's record; the device must have been started with a capture.

        Raises:
            FigureUnavailable: the firmware does not count its work.
        """
        address = symbol_address(device.elf, SYMBOL)
        if address is None:
            raise FigureUnavailable(
                f"{device.elf} does not count its work (it has no symbol {SYMBOL}): build it with "
                "module bench, on a board that tells work from sleep."
            )
        self._device = device
        self._command = examine(address, _WORDS)
        self._wire = Wire(device.capture_file, MAC)
        self._ignored = 0
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        self._ignored = self._frames_never_taken()
        if not self.read().frequency:
            raise FigureUnavailable(
                f"Board {self._device.board.name} cannot tell work from sleep, so its firmware "
                "does not count its work: measure that on lx60."
            )

    def close(self) -> None:
        """Let the capture go."""
        self._wire.close()

    def read(self) -> Work:
        """Return the record as it is now; the device may be in the middle of writing it."""
        text = self._device.monitor("human-monitor-command", command_line=self._command)
        return Work.of(parse_words(str(text), _WORDS))

    def rest(self, *, frames: int = 0, timeout: float = 20.0) -> Work:
        """Return what it worked when all that was sent to it is done, and it sleeps.

        Args:
            frames: that it must have taken since its start, for what it does not answer.
            timeout: seconds, scaled.

        There is no event to wait for: telling would wake the device.

        Raises:
            FigureUnavailable: it never sleeps.
        """
        deadline = Deadline(timeout)
        while True:
            self._wire.follow()
            if not self._wire.acknowledged and not deadline.expired():
                self._device.check()
                self._device.wait_for_change(LOOK)
                continue
            now = self.read()
            taken = frames <= now.frames == self._wire.to_device - self._ignored
            if now.asleep and taken and self.read() == now:
                return now
            if deadline.expired():
                raise FigureUnavailable(
                    f"The device did not come to rest within {deadline}, so its work cannot be "
                    "counted: is a program busy on it?"
                )
            self._device.check()

    def _frames_never_taken(self) -> int:
        """Return how many frames came before its NIC was on; it has been asleep since."""
        self._wire.follow()
        self._ignored = self._wire.to_device - self.read().frames
        return self._ignored
