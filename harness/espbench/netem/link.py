# SPDX-License-Identifier: MIT
"""One direction of the network: decides which frames are lost or late. No I/O, no clock."""

from __future__ import annotations

import enum
import heapq
import random
from dataclasses import asdict, dataclass

from espbench.netem.impairment import Conditions
from espbench.netem.packets import Kind, Ports, clamp_window, kind_of, tcp_ports

__all__ = ["Counts", "Direction", "Lane"]

_SETUP = {Kind.ARP, Kind.DHCP}


class Direction(enum.Enum):
    """Which way frames go."""

    TO_GUEST = "to_guest"
    TO_CLIENT = "to_client"

    @property
    def other(self) -> Direction:
        """The way back."""
        return Direction.TO_CLIENT if self is Direction.TO_GUEST else Direction.TO_GUEST

    def client_port(self, ports: Ports) -> int:
        """Return the client's port in a segment that goes this way."""
        return ports.source if self is Direction.TO_GUEST else ports.destination


@dataclass(slots=True)
class Counts:
    """How many frames met what.

    Attributes:
        came: all of them.
        passed: were handed on.
        lost, cut, vanished: were not, and why.
        delayed: did not pass at once.
        reordered: were held so that others could overtake.
        clamped: had their TCP window made smaller.
    """

    came: int = 0
    passed: int = 0
    lost: int = 0
    cut: int = 0
    vanished: int = 0
    delayed: int = 0
    reordered: int = 0
    clamped: int = 0

    def as_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


class Lane:
    """Frames on their way in one direction.

    Each decision has a random generator of its own, which is drawn from once for each frame: what
    becomes of the n-th frame depends on the seed and on n, not on what else is switched on.
    """

    def __init__(self, direction: Direction, seed: int) -> None:
        """Begin with a whole network and no frame on its way."""
        self.direction = direction
        self.conditions = Conditions()
        self.counts = Counts()
        self._waiting: list[tuple[float, int, bytes]] = []
        self._number = 0
        self._last = 0.0
        """When the frame leaves that leaves last, those apart that are held: none overtakes it."""
        self._line_free = 0.0
        """When the last frame's last byte is through, at this rate."""
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Begin the random numbers anew."""
        self._loss, self._jitter, self._reorder = (
            random.Random(f"{seed} {self.direction.value} {what}")
            for what in ("loss", "jitter", "reorder")
        )

    def change(self, conditions: Conditions) -> None:
        """Set what happens to frames from now on; a cut hits those on their way, too."""
        self.conditions = conditions
        kept = [entry for entry in self._waiting if not self._is_blocked(entry[2])]
        if len(kept) < len(self._waiting):
            heapq.heapify(kept)
            self._waiting = kept
        # A line that is faster now does not wait for what it would have sent more slowly.
        if conditions.rate is None:
            self._line_free = 0.0

    def take(self, frame: bytes, now: float) -> None:
        """Take a frame that came at `now`, in seconds of a clock that never goes back."""
        conditions = self.conditions
        self.counts.came += 1
        loss, jitter, reorder = (
            self._loss.random(),
            self._jitter.uniform(-1, 1),
            self._reorder.random(),
        )
        if self._is_blocked(frame):
            return
        spared = not conditions.everything and kind_of(frame) in _SETUP
        if loss < conditions.loss and not spared:
            self.counts.lost += 1
            return
        if conditions.window is not None:
            clamped = clamp_window(frame, conditions.window)
            self.counts.clamped += clamped != frame
            frame = clamped
        leaves = now
        if conditions.rate is not None:
            self._line_free = max(self._line_free, now) + len(frame) / conditions.rate
            leaves = self._line_free
        leaves = max(leaves + conditions.delay + conditions.jitter * jitter, self._last)
        if reorder < conditions.reorder:
            self.counts.reordered += 1
            leaves += conditions.hold
        else:
            self._last = leaves
        self.counts.delayed += leaves > now
        self._number += 1
        heapq.heappush(self._waiting, (leaves, self._number, frame))

    def due(self, now: float) -> list[bytes]:
        """Return the frames that have to leave by `now`, in order."""
        frames = []
        while self._waiting and self._waiting[0][0] <= now:
            frames.append(heapq.heappop(self._waiting)[2])
        self.counts.passed += len(frames)
        return frames

    @property
    def next_due(self) -> float | None:
        """When the next frame has to leave, or None when none is on its way."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def waiting(self) -> int:
        """How many frames are on their way."""
        return len(self._waiting)

    def _is_blocked(self, frame: bytes) -> bool:
        """Return whether a frame meets a cut, or is a vanished client's; count it if so."""
        if self.conditions.cut:
            self.counts.cut += 1
            return True
        if self.conditions.vanished:
            ports = tcp_ports(frame)
            if ports and self.direction.client_port(ports) in self.conditions.vanished:
                self.counts.vanished += 1
                return True
        return False
