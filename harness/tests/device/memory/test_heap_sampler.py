# SPDX-License-Identifier: MIT
"""The heap is sampled while the network is busy, and never when that would disturb the guest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.device.memory.heap_sampler import PERIOD, Budget, HeapWatch
from espbench.device.timeline import Timeline
from espbench.errors import ControlError, ControlTimeout, EspbenchError

QUIET = 20 * PERIOD
"""Seconds in which nothing must happen."""


class Bench:
    """A watch on a capture that the test writes, with a fake heap."""

    def __init__(self, folder: Path, pause: float = 0.0) -> None:
        self.capture = folder / "net.pcap"
        self.capture.write_bytes(bytes(24))
        self.error: EspbenchError | None = None
        self.looked = threading.Semaphore(0)
        self.watch = HeapWatch(self.capture, Timeline(), self._sample, pause_per_sample=pause)
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


def test_samples_take_a_bounded_part_of_the_time() -> None:
    """On a network that is always busy, samples take one part of 31, whatever one costs."""
    budget, now, spent = Budget(30), 0.0, 0.0
    while now < 100:
        if budget.allows(now):
            budget.spend(now, now + 0.003)
            now += 0.003
            spent += 0.003
        now += PERIOD
    assert 0.8 / 31 < spent / now <= 1 / 31


def test_slow_answer_costs_no_long_pause() -> None:
    """A guest that answers late once, because it is busy, is asked again as soon as usual."""
    budget = Budget(30)
    for begun in range(4):
        budget.spend(begun, begun + 0.001)
    budget.spend(4, 6)
    assert not budget.allows(6.029)
    assert budget.allows(6.031)


def test_frames_during_the_pause(tmp_path: Path) -> None:
    """Frames of the pause are noted at once, and sampled when it is over."""
    bench = Bench(tmp_path, pause=1e9)
    bench.frame()
    assert not bench.looks()
    assert [look.size for look in bench.watch.looks] == [24, 84]
    bench.end()
