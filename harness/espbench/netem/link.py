# SPDX-License-Identifier: MIT
"""`Lane`: one direction of the network; decides about each frame, without I/O and clock."""

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
    """The direction of frames."""

    TO_GUEST = "to_guest"
    TO_CLIENT = "to_client"

    @property
    def other(self) -> Direction:
        """The opposite direction."""
        return Direction.TO_CLIENT if self is Direction.TO_GUEST else Direction.TO_GUEST

    def client_port(self, ports: Ports) -> int:
        """Return the client's port in a segment of this direction."""
        return ports.source if self is Direction.TO_GUEST else ports.destination


@dataclass(slots=True)
class Counts:
    """Numbers of frames.

    Attributes:
        came: all frames.
        passed: forwarded frames.
        lost, cut, vanished: dropped frames, by reason.
        delayed: frames that were not forwarded at once.
        reordered: frames held so that others could overtake.
        clamped: frames whose TCP window was reduced.
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
    """Frames under way in one direction.

    Each kind of decision has its own random number generator, used once per frame: the fate of the
    n-th frame depends on the seed and n, but not on the other impairments.
    """

    def __init__(self, direction: Direction, seed: int) -> None:
        """Start without impairments and without frames under way."""
        self.direction = direction
        self.conditions = Conditions()
        self.counts = Counts()
        self._waiting: list[tuple[float, int, bytes]] = []
        self._number = 0
        self._last = 0.0
        """When the last frame leaves, except held ones; later frames must not overtake it."""
        self._line_free = 0.0
        """When the last byte of the last frame has been sent, at this rate."""
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Restart the random numbers from this seed."""
        self._loss, self._jitter, self._reorder = (
            random.Random(f"{seed} {self.direction.value} {what}")
            for what in ("loss", "jitter", "reorder")
        )

    def change(self, conditions: Conditions) -> None:
        """Set the conditions from now on; a cut also drops frames under way."""
        self.conditions = conditions
        kept = [entry for entry in self._waiting if not self._is_blocked(entry[2])]
        if len(kept) < len(self._waiting):
            heapq.heapify(kept)
            self._waiting = kept
        # Without a rate limit, frames no longer wait for the slow transmission of earlier ones.
        if conditions.rate is None:
            self._line_free = 0.0

    def take(self, frame: bytes, now: float) -> None:
        """Take a frame that came at `now`, in seconds of a monotonic clock."""
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
        """When the next frame has to leave, or None if none is under way."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def waiting(self) -> int:
        """Number of frames under way."""
        return len(self._waiting)

    def _is_blocked(self, frame: bytes) -> bool:
        """Return whether a frame is dropped by a cut or as a vanished client's, and count it."""
        if self.conditions.cut:
            self.counts.cut += 1
            return True
        if self.conditions.vanished:
            ports = tcp_ports(frame)
            if ports and self.direction.client_port(ports) in self.conditions.vanished:
                self.counts.vanished += 1
                return True
        return False
