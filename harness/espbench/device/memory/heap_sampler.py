# SPDX-License-Identifier: MIT
"""Samples a device's heap while its network is busy, for the heap's curve in the evidence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from espbench.device.timeline import Timeline
from espbench.errors import ControlTimeout, EspbenchError, NotRunning
from espbench.netem.connections import Look

__all__ = ["PERIOD", "HeapWatch"]

PERIOD = 0.01
"""Seconds between two looks at how long the capture is. Nobody tells when a file has grown; the
host's look costs some microseconds, and the guest is asked only after there were frames. Its answer
comes between two handshakes only if it has been asked by then, so the pause is short."""
PLENTY = 1000
"""After so many looks at the heap the pauses are twice as long, and so on: a test may be long."""


class HeapWatch:
    """A thread that follows the capture, from `start` to `stop`."""

    def __init__(self, capture: Path, timeline: Timeline, sample: Callable[[], object]) -> None:
        """Watch a device.

        Args:
            capture: of its network.
            timeline: its clock.
            sample: looks at its heap and notes it, or raises an EspbenchError.
        """
        self._capture = capture
        self._timeline = timeline
        self._sample = sample
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._looking = threading.Lock()
        self._held = False
        self.looks: list[Look] = []
        """When the capture was how long: tells the capture's clock from the host's."""

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="espbench-heap", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a look that is under way ends with the console."""
        self._ended.set()

    def hold(self) -> None:
        """Ask no more until `go`; a guest that is about to be paused has answered then."""
        with self._looking:
            self._held = True

    def go(self) -> None:
        """Go on."""
        self._held = False

    def join(self) -> None:
        """Wait until it has ended, after the console has."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        pause, asks = PERIOD, True
        while not self._ended.wait(pause):
            with self._looking:
                if not self._held:
                    asks = self._look(asks=asks)
            pause = PERIOD * 2 ** (len(self.looks) // PLENTY)

    def _look(self, *, asks: bool) -> bool:
        """Look whether the network was busy, and at the heap then; return whether to ask again."""
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
        """Look at the heap; return whether to do so again."""
        try:
            self._sample()
        except (ControlTimeout, NotRunning):
            return False  # a guest that hangs is left in peace
        except EspbenchError:
            pass  # it panicked or resets, and may come back
        return True
