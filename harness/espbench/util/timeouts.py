# SPDX-License-Identifier: MIT
"""`Deadline`: a point in time that several waits share, scaled for slow machines."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

from espbench.errors import ConfigError

SCALE_VARIABLE = "ESPBENCH_TIMEOUT_SCALE"


def timeout_scale() -> float:
    """Return what every time-out is multiplied with: `ESPBENCH_TIMEOUT_SCALE`, by default 1.

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


class Deadline:
    """A point in time, so many (scaled) seconds from now."""

    __slots__ = ("_clock", "_end", "seconds")

    def __init__(
        self,
        seconds: float,
        *,
        scale: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the clock.

        Args:
            seconds: from now, before scaling; infinity never expires.
            scale: instead of the environment's.
            clock: a monotonic clock in seconds.
        """
        self.seconds = seconds * (timeout_scale() if scale is None else scale)
        """How long it was from the start, scaled."""
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
        """Return `timeout` if it is a deadline already, else a deadline so many seconds away."""
        return timeout if isinstance(timeout, Deadline) else cls(timeout)

    def __str__(self) -> str:
        """Return the length as people write it, such as "2.5 s"."""
        return f"{self.seconds:.3g} s"
