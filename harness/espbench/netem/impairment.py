# SPDX-License-Identifier: MIT
"""`Conditions`: the impairments of one direction of the network, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from espbench.errors import ConfigError

__all__ = ["Conditions"]

LONGEST = 60.0
"""Maximum delay of a frame in seconds: TCP gives up after about that time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """The impairments of frames in one direction; by default there are none.

    Attributes:
        loss: fraction of the frames that is lost.
        everything: whether ARP and DHCP can be lost, too.
        delay, jitter: each frame is delayed by `delay` seconds, plus or minus `jitter`; the order
            is kept.
        reorder, hold: fraction of the frames that is held for another `hold` seconds, while others
            overtake.
        rate: maximum bytes per second, or None.
        window: maximum TCP window in these frames, or None.
        cut: whether all frames are dropped.
        vanished: ports of clients whose frames are dropped.
    """

    loss: float = 0.0
    everything: bool = False
    delay: float = 0.0
    jitter: float = 0.0
    reorder: float = 0.0
    hold: float = 0.0
    rate: float | None = None
    window: int | None = None
    cut: bool = False
    vanished: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: a value is invalid.
        """
        _fraction("loss", self.loss)
        _fraction("reorder", self.reorder)
        for name in ("delay", "jitter", "hold"):
            seconds = getattr(self, name)
            if not (_is_number(seconds) and 0 <= seconds <= LONGEST):
                raise ConfigError(
                    f"A network's {name} cannot be {seconds!r}: "
                    f"give seconds from 0 to {LONGEST:g}, such as 0.3."
                )
        if self.jitter > self.delay:
            raise ConfigError(
                f"A jitter of {self.jitter:g} s is more than the delay of {self.delay:g} s: give a "
                f"delay of {self.jitter:g} s or more."
            )
        if self.rate is not None and not (_is_number(self.rate) and self.rate > 0):
            raise ConfigError(
                f"A network's rate cannot be {self.rate!r}: "
                "give bytes per second, such as 10_000, or use cut()."
            )
        if self.window is not None and not (type(self.window) is int and 1 <= self.window <= 65535):
            raise ConfigError(
                f"A TCP window cannot be {self.window!r}: give bytes from 1 to 65535, such as 256."
            )
        for port in self.vanished:
            if not (type(port) is int and 1 <= port <= 65535):
                raise ConfigError(
                    f"A client's port cannot be {port!r}: give the source port of its socket, "
                    "1 to 65535 (`stream.port`, or `sock.getsockname()[1]`)."
                )

    def as_json(self) -> dict[str, Any]:
        """Return the values that differ from the defaults."""
        changed = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if value != part.default:
                changed[part.name] = sorted(value) if isinstance(value, frozenset) else value
        return changed


def _fraction(name: str, value: float) -> None:
    if not (_is_number(value) and 0 <= value <= 1):
        raise ConfigError(
            f"A network's {name} cannot be {value!r}: "
            "give a fraction from 0 to 1, such as 0.05 for one frame in twenty."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
