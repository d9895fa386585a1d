# SPDX-License-Identifier: MIT
"""`Deadline`: a point in time shared by several waits, scaled for slow machines.

Deadlines use `CLOCK`, which stops while a debugger holds a guest. A wait that returns before its
deadline has expired has to be repeated: the clock may have been stopped meanwhile.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable

from espbench.errors import ConfigError

SCALE_VARIABLE = "ESPBENCH_TIMEOUT_SCALE"


def timeout_scale() -> float:
    """Return the factor for every time-out: `ESPBENCH_TIMEOUT_SCALE`, by default 1.

    Raises:
        ConfigError: the variable is not a positive number.
    """
    text = os.environ.get(SCALE_VARIABLE, "").strip()
    if not text:
        return 1.0
    try:
        scale = float(text)
    except ValueError:
        scale = math.nan
    if not (math.isfinite(scale) and scale > 0):
        raise ConfigError(
            f"{SCALE_VARIABLE} is {text!r}: set it to a positive number such as 3, or unset it."
        )
    return scale


class Clock:
    """A monotonic clock in seconds, which stands still while anything holds it."""

    def __init__(self, source: Callable[[], float] = time.monotonic) -> None:
        """Start it; `source` is the clock that it follows."""
        self._source = source
        self._lock = threading.Lock()
        self._holders: set[object] = set()
        self._held_since = 0.0
        self._lost = 0.0

    def __call__(self) -> float:
        """Return the time."""
        with self._lock:
            now = self._held_since if self._holders else self._source()
            return now - self._lost

    def hold(self, holder: object) -> None:
        """Stop the clock until this holder, and each other one, has released it."""
        with self._lock:
            if not self._holders:
                self._held_since = self._source()
            self._holders.add(holder)

    def release(self, holder: object) -> None:
        """Take back a `hold`; without one, do nothing."""
        with self._lock:
            if holder not in self._holders:
                return
            self._holders.remove(holder)
            if not self._holders:
                self._lost += self._source() - self._held_since


CLOCK = Clock()
"""The clock of all deadlines."""


class Deadline:
    """A point in time, a number of (scaled) seconds from now."""

    __slots__ = ("_clock", "_end", "seconds")

    def __init__(
        self,
        seconds: float,
        *,
        scale: float | None = None,
        clock: Callable[[], float] = CLOCK,
    ) -> None:
        """Start the clock.

        Args:
            seconds: time from now, before scaling; infinity never expires.
            scale: factor to use instead of `timeout_scale()`.
            clock: a monotonic clock in seconds.
        """
        self.seconds = seconds * (timeout_scale() if scale is None else scale)
        """The whole length, scaled."""
        self._clock = clock
        self._end = clock() + self.seconds

    def remaining(self) -> float:
        """Return the seconds that are left, at least 0."""
        return max(0.0, self._end - self._clock())

    def expired(self) -> bool:
        """Return whether no time is left."""
        return self.remaining() <= 0

    @classmethod
    def of(cls, timeout: float | Deadline) -> Deadline:
        """Return `timeout` if it is already a deadline, else a deadline that many seconds away."""
        return timeout if isinstance(timeout, Deadline) else cls(timeout)

    def __str__(self) -> str:
        """Return the length for messages, such as "2.5 s"."""
        return f"{self.seconds:.3g} s"
