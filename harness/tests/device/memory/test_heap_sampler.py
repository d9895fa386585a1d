# SPDX-License-Identifier: MIT
"""The heap is sampled while the network is busy, and never when that would disturb the guest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.device.memory.heap_sampler import PERIOD, HeapWatch
from espbench.device.timeline import Timeline
from espbench.errors import ControlError, ControlTimeout, EspbenchError

QUIET = 20 * PERIOD
"""Seconds in which nothing must happen."""


class Bench:
    """A watch on a capture that the test writes, with a fake heap."""

    def __init__(self, folder: Path) -> None:
        self.capture = folder / "net.pcap"
        self.capture.write_bytes(bytes(24))
        self.error: EspbenchError | None = None
        self.looked = threading.Semaphore(0)
        self.watch = HeapWatch(self.capture, Timeline(), self._sample)
        self.watch.start()
        assert self.looked.acquire(timeout=10)

    def _sample(self) -> None:
        self.looked.release()
        if self.error is not None:
            raise self.error

    def frame(self) -> None:
        """Make the capture grow."""
        with self.capture.open("ab") as file:
            file.write(bytes(60))

    def looks(self) -> bool:
        """Return whether the heap is sampled soon."""
        return self.looked.acquire(timeout=QUIET)

    def end(self) -> None:
        """Stop the watch, and check that its thread is gone."""
        self.watch.stop()
        self.watch.join()
        assert "espbench-heap" not in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a watch that has taken one sample."""
    return Bench(tmp_path)


def test_only_while_busy(bench: Bench) -> None:
    """The guest is asked once after new frames, and not without any."""
    assert not bench.looks()
    bench.frame()
    assert bench.looked.acquire(timeout=10)
    assert not bench.looks()
    assert [look.size for look in bench.watch.looks] == [24, 84]
    bench.end()


def test_paused(bench: Bench) -> None:
    """A paused guest is not asked until it resumes."""
    bench.watch.hold()
    bench.frame()
    assert not bench.looks()
    bench.watch.go()
    assert bench.looked.acquire(timeout=10)
    bench.end()


@pytest.mark.parametrize(
    ("error", "again"), [(ControlTimeout("hangs"), False), (ControlError("resets"), True)]
)
def test_trouble(bench: Bench, error: EspbenchError, again: bool) -> None:
    """A guest that hangs is not asked again; one that resets is."""
    bench.error = error
    bench.frame()
    assert bench.looked.acquire(timeout=10)
    bench.frame()
    asked: Callable[[], bool] = (lambda: bench.looked.acquire(timeout=10)) if again else bench.looks
    assert asked() is again
    bench.end()


def test_gone(bench: Bench) -> None:
    """A watch ends by itself when its device is gone."""
    bench.capture.unlink()
    bench.watch.join()
    assert "espbench-heap" not in [thread.name for thread in threading.enumerate()]
