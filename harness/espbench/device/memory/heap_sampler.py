# SPDX-License-Identifier: MIT
"""`HeapWatch`: samples a device's heap while its network is busy, for the chart in the evidence."""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from espbench.device.timeline import Timeline
from espbench.errors import ControlTimeout, EspbenchError, NotRunning
from espbench.netem.connections import Look

__all__ = ["PERIOD", "Budget", "HeapWatch"]

PERIOD = 0.01
"""Seconds between two checks of the capture's size. A check costs a few microseconds on the host,
and the guest is asked only after new frames, within the `Budget`."""
PLENTY = 1000
"""The pause doubles after every so many looks at a growing capture, because a test may be long."""
RECENT = 5
"""Samples whose median is what a sample costs: a guest that is busy answers later, at no cost."""


class Budget:
    """Says when the next sample may be taken, so that samples take a bounded part of the time."""

    def __init__(self, pause_per_sample: float) -> None:
        """Allow the first sample at once.

        Args:
            pause_per_sample: the pause after a sample, as a multiple of the time that one takes.
        """
        self._pause = pause_per_sample
        self._took: deque[float] = deque(maxlen=RECENT)
        self._next = float("-inf")

    def allows(self, now: float) -> bool:
        """Return whether a sample may be taken now, in seconds of the caller's clock."""
        return now >= self._next

    def spend(self, begun: float, ended: float) -> None:
        """Note a sample."""
        self._took.append(ended - begun)
        self._next = ended + self._pause * statistics.median(self._took)


class HeapWatch:
    """A thread that follows the capture, from `start` to `stop`."""

    def __init__(
        self,
        capture: Path,
        timeline: Timeline,
        sample: Callable[[], object],
        *,
        pause_per_sample: float = 0.0,
    ) -> None:
        """Watch a device.

        Args:
            capture: the capture of its network.
            timeline: its clock.
            sample: samples its heap and records the figures, or raises an EspbenchError.
            pause_per_sample: see `Budget`.
        """
        self._capture = capture
        self._timeline = timeline
        self._sample = sample
        self._budget = Budget(pause_per_sample)
        self._grown = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._looking = threading.Lock()
        self._held = False
        self.looks: list[Look] = []
        """The capture's size over time, which relates the capture's clock to the host's."""

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="espbench-heap", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; a sample in progress ends with the console."""
        self._ended.set()

    def hold(self) -> None:
        """Suspend sampling until `go`; on return, no request is pending, so the guest may pause."""
        with self._looking:
            self._held = True

    def go(self) -> None:
        """Continue sampling."""
        self._held = False

    def join(self) -> None:
        """Wait for the thread to end; call this after the console has ended."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        asks = True
        while not self._ended.wait(PERIOD * 2 ** (len(self.looks) // PLENTY)):
            with self._looking:
                if self._held:
                    continue
                self._look()
                begun = time.monotonic()
                if asks and self._grown and self._budget.allows(begun):
                    self._grown = False
                    asks = self._ask()
                    self._budget.spend(begun, time.monotonic())

    def _look(self) -> None:
        """Note the capture's size, if it has grown."""
        try:
            size = self._capture.stat().st_size
        except OSError:
            self._ended.set()  # the device's folder is gone, and the device with it
            self._grown = False
            return
        if not self.looks or size != self.looks[-1].size:
            self.looks.append(Look(self._timeline.now(), size))
            self._grown = True

    def _ask(self) -> bool:
        """Sample the heap; return whether to do so again."""
        try:
            self._sample()
        except (ControlTimeout, NotRunning):
            return False  # do not ask a guest that hangs again
        except EspbenchError:
            pass  # it panicked or is resetting, and may come back
        return True
