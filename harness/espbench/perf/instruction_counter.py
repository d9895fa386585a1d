# SPDX-License-Identifier: MIT
"""`Meter`: counts the instructions that a device executes, with a counter in its memory.

The firmware counts the cycles for which it is awake, in a place where the host can read them
(firmware/modules/bench/cycles.h). With `-icount`, instructions drive the guest's clock, so cycles
measure instructions. Reading the counter costs the device nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from espbench.device.device import Device
from espbench.errors import FigureUnavailable
from espbench.perf.ack_tracker import AckTracker
from espbench.qemu.guest_memory import examine, parse_words, symbol_address
from espbench.util.timeouts import Deadline

SYMBOL = "bench_work"
MAC = b"\x52\x54\x00\x12\x34\x56"
"""QEMU's MAC address for the first NIC, which every board uses."""
LOOK = 0.001
"""Seconds between two checks for missing ACKs, which slirp delays by up to 2 ms."""
_RECORD = struct.Struct("<IIQQQQ")
_WORDS = _RECORD.size // 4


@dataclass(frozen=True)
class Work:
    """The device's work so far.

    Attributes:
        frequency: frequency of the cycles in Hz.
        asleep: whether the device is asleep.
        cycles: cycles from its start to its last sleep, without housekeeping.
        housekeeping: cycles of wake-ups without a frame that carried data.
        at_event: all cycles up to its last event.
        frames: number of frames that it has taken from its NIC.
    """

    frequency: int
    asleep: bool
    cycles: int
    housekeeping: int
    at_event: int
    frames: int

    @classmethod
    def of(cls, record: bytes) -> Work:
        """Decode the firmware's record."""
        frequency, asleep, *counts = _RECORD.unpack(record)
        return cls(frequency, bool(asleep), *counts)


def icount(shift: int) -> tuple[str, ...]:
    """Return the arguments that make QEMU's guest clock advance 2**shift ns per instruction.

    While the guest sleeps, its clock follows the host's: with `sleep=off` it would jump to TCP's
    next timeout whenever it waits for a packet.
    """
    return ("-icount", f"shift={shift},align=off,sleep=on")


def instructions(cycles: float, frequency: int, shift: int) -> float:
    """Convert cycles to instructions with `icount(shift)`."""
    return cycles * 1e9 / frequency / (1 << shift)


class Meter:
    """Reads a running device's work, and waits until it has nothing left to do."""

    def __init__(self, device: Device) -> None:
        """Find the firmware's record; the device must have been started with a capture.

        Raises:
            FigureUnavailable: the firmware does not count its work.
        """
        address = symbol_address(device.elf, SYMBOL)
        if address is None:
            raise FigureUnavailable(
                f"{device.elf} does not count its work (it has no symbol {SYMBOL}): build it with "
                "module bench, on a board that can distinguish work from sleep."
            )
        self._device = device
        self._command = examine(address, _WORDS)
        self._acks = AckTracker(device.capture_file, MAC)
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
                f"Board {self._device.board.name} cannot distinguish work from sleep, so its "
                "firmware does not count its work: measure this on lx60."
            )

    def close(self) -> None:
        """Close the capture."""
        self._acks.close()

    def read(self) -> Work:
        """Return the current record, even if the device is just writing it."""
        text = self._device.monitor("human-monitor-command", command_line=self._command)
        return Work.of(parse_words(str(text), _WORDS))

    def rest(self, *, frames: int = 0, timeout: float = 20.0) -> Work:
        """Wait until the device has processed everything sent to it and sleeps; return its work.

        This polls, because an event from the device would wake it.

        Args:
            frames: frames that it must have received since its start, for unanswered ones.
            timeout: seconds, scaled.

        Raises:
            FigureUnavailable: it never sleeps.
        """
        deadline = Deadline(timeout)
        while True:
            self._acks.follow()
            if not self._acks.acknowledged and not deadline.expired():
                self._device.check()
                self._device.wait_for_change(LOOK)
                continue
            now = self.read()
            taken = frames <= now.frames == self._acks.to_device - self._ignored
            if now.asleep and taken and self.read() == now:
                return now
            if deadline.expired():
                raise FigureUnavailable(
                    f"The device did not come to rest within {deadline}, so its work cannot be "
                    "counted: is a program busy on it?"
                )
            self._device.check()

    def _frames_never_taken(self) -> int:
        """Return the number of frames sent before its NIC was enabled."""
        self._acks.follow()
        self._ignored = self._acks.to_device - self.read().frames
        return self._ignored
