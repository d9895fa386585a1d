# SPDX-License-Identifier: MIT
"""`Timeline`: the events of a device and their times, on the clock that all its evidence shares."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Event", "Timeline"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        at: seconds since the start of the device was requested.
        name: such as "qemu_started", "boot", "listening", "ready".
        detail: further fields; for events of the guest, their record.
    """

    at: float
    name: str
    detail: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the entry for `events.json`."""
        return {
            "at": round(self.at, 6),
            "event": self.name,
            **({"detail": self.detail} if self.detail else {}),
        }


class Timeline:
    """Events in the order in which they were seen; safe to use from several threads."""

    def __init__(self) -> None:
        """Start the clock."""
        self.started = time.monotonic()
        self._events: list[Event] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def leave_out(self, seconds: float) -> None:
        """Exclude the last `seconds` from the clock."""
        self.started += seconds

    def add(self, name: str, at: float | None = None, **detail: Any) -> Event:
        """Record that `name` happened, now or at the given time."""
        event = Event(self.now() if at is None else at, name, detail)
        with self._lock:
            self._events.append(event)
        return event

    def first(self, name: str) -> float | None:
        """Return when `name` happened first, in seconds, or None."""
        return next((event.at for event in self if event.name == name), None)

    def __iter__(self) -> Iterator[Event]:
        """Iterate over a copy of the events."""
        with self._lock:
            return iter(list(self._events))

    def __len__(self) -> int:
        """Return the number of events."""
        with self._lock:
            return len(self._events)
