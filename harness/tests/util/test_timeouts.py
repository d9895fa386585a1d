# SPDX-License-Identifier: MIT
"""Deadlines count down, are shared, and are scaled."""

from __future__ import annotations

import math

import pytest
from espbench.errors import ConfigError
from espbench.util.timeouts import CLOCK, Clock, Deadline, timeout_scale


def test_counts_down() -> None:
    """The remaining time decreases and never becomes negative."""
    now = [100.0]
    deadline = Deadline(5, scale=1, clock=lambda: now[0])
    assert (deadline.remaining(), deadline.expired()) == (5.0, False)
    now[0] = 104.0
    assert (deadline.remaining(), deadline.expired()) == (1.0, False)
    now[0] = 200.0
    assert (deadline.remaining(), deadline.expired()) == (0.0, True)


def test_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """ESPBENCH_TIMEOUT_SCALE multiplies every deadline."""
    monkeypatch.setenv("ESPBENCH_TIMEOUT_SCALE", "2.5")
    assert Deadline(4).seconds == 10.0
    assert str(Deadline(4)) == "10 s"


def test_shared() -> None:
    """A deadline that is passed on is not restarted."""
    deadline = Deadline(1)
    assert Deadline.of(deadline) is deadline
    assert Deadline.of(math.inf).remaining() == math.inf


@pytest.mark.parametrize("value", ["fast", "0", "-1", "nan", "inf"])
def test_nonsense(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A scale that is not a positive number is refused."""
    monkeypatch.setenv("ESPBENCH_TIMEOUT_SCALE", value)
    with pytest.raises(ConfigError) as caught:
        timeout_scale()
    assert str(caught.value) == (
        f"ESPBENCH_TIMEOUT_SCALE is {value!r}: set it to a positive number such as 3, or unset it."
    )


def test_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable nothing is scaled."""
    monkeypatch.delenv("ESPBENCH_TIMEOUT_SCALE", raising=False)
    assert timeout_scale() == 1.0


def test_a_held_clock() -> None:
    """No time passes from the first hold to the last release; holding twice is once."""
    now = [100.0]
    clock = Clock(lambda: now[0])
    deadline = Deadline(5, scale=1, clock=clock)
    now[0] = 102.0
    clock.hold("a")
    now[0] = 150.0
    clock.hold("b")
    clock.hold("b")
    clock.release("a")
    clock.release("unknown")
    now[0] = 200.0
    assert deadline.remaining() == 3.0
    clock.release("b")
    assert deadline.remaining() == 3.0
    now[0] = 204.0
    assert deadline.expired()


def test_the_clock_of_all_deadlines() -> None:
    """It can be held for every deadline at once."""
    deadline = Deadline(0.0, scale=1)
    assert deadline.expired()
    CLOCK.hold("test")
    try:
        deadline = Deadline(5, scale=1)
        assert deadline.remaining() == deadline.remaining() == 5.0
    finally:
        CLOCK.release("test")
