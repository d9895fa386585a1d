# SPDX-License-Identifier: MIT
"""`HeapWatch`: samples a device's heap while its network is busy, for the chart in the evidence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from espbench.device.timeline import Timeline
from espbench.errors import ControlTimeout, EspbenchError, NotRunning
from espbench.netem.connections import Look

__all__ = ["PERIOD", "HeapWatch"]

PERIOD = 0.01
"""Seconds between two checks of the capture's size. A check costs a few microseconds on the host,
and the guest is asked only after new frames. The pause is short so that a request can reach the
guest between two handshakes."""
PLENTY = 1000
"""The pause doubles after every so many samples, because a test may be long."""


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
            pause_per_sample: the shortest pause, as a multiple of the time that a sample takes:
                for samples that stop the guest.
        """
        self._capture = capture
        self._timeline = timeline
        self._sample = sample
        self._pause_per_sample = pause_per_sample
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
        pause, asks = PERIOD, True
        while not self._ended.wait(pause):
            with self._looking:
                started = time.monotonic()
                if not self._held:
                    asks = self._look(asks=asks)
                took = time.monotonic() - started
            pause = max(PERIOD * 2 ** (len(self.looks) // PLENTY), took * self._pause_per_sample)

    def _look(self, *, asks: bool) -> bool:
        """Sample the heap if the network was busy; return whether to ask the guest again."""
        try:
            size = self._capture.stat().st_size
        except OSError:
            self._ended.set()  # the device's folder is gone, and the device with it
            return False
        if self.looks and size == self.looks[-1].size:
            return asks
        self.looks.append(Look(self._timeline.now(), size))
        return asks and self._ask()

    def _ask(self) -> bool:
        """Sample the heap; return whether to do so again."""
        try:
            self._sample()
        except (ControlTimeout, NotRunning):
            return False  # do not ask a guest that hangs again
        except EspbenchError:
            pass  # it panicked or is resetting, and may come back
        return True
