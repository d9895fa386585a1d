# SPDX-License-Identifier: MIT
"""Reads a folder of evidence for charts: heap samples, events and connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from espbench.netem.connections import Connection

T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """A heap sample, in bytes."""

    at: float
    free: int
    low_water: int
    size: int


@dataclass(frozen=True)
class StoredEvent:
    """An event of the timeline."""

    at: float
    name: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class StoredTask:
    """A task at the end of a test.

    Attributes:
        name, state, priority: as its firmware has them.
        stack_low_water: the fewest bytes ever free on its stack.
        stack_size: bytes of its stack; None if unknown.
        core: the only core that it may run on; None for any.
    """

    name: str
    state: str
    priority: int
    stack_low_water: int
    stack_size: int | None
    core: int | None


@dataclass(frozen=True)
class StoredEvidence:
    """The evidence of a device; times are in seconds since its start."""

    samples: Sequence[Sample] = ()
    events: Sequence[StoredEvent] = ()
    connections: Sequence[Connection] = ()
    tasks: Sequence[StoredTask] = ()

    @property
    def began(self) -> float:
        """The time at which the last test began to use the device."""
        return max((event.at for event in self.events if event.name == "test"), default=0.0)


def read(folder: Path) -> StoredEvidence:
    """Return the contents of a folder of evidence, without missing or damaged parts."""
    heap = _text(folder / "heap.jsonl").splitlines()
    return StoredEvidence(
        samples=_all(lambda: [_sample(json.loads(line)) for line in heap if line.strip()]),
        events=_all(lambda: [_event(item) for item in _list(folder / "events.json")]),
        connections=_all(
            lambda: [_connection(item) for item in _list(folder / "connections.json")]
        ),
        tasks=_all(
            lambda: [
                _task(item) for item in json.loads(_text(folder / "tasks.json") or "{}")["tasks"]
            ]
        ),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _list(path: Path) -> list[Any]:
    data = json.loads(_text(path) or "[]")
    return data if isinstance(data, list) else []


def _all(make: Callable[[], list[T]]) -> list[T]:
    try:
        return make()
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _sample(item: Mapping[str, Any]) -> Sample:
    return Sample(
        float(item["at"]), int(item["free"]), int(item["low_water"]), int(item.get("size", 0))
    )


def _event(item: Mapping[str, Any]) -> StoredEvent:
    return StoredEvent(float(item["at"]), str(item["event"]), dict(item.get("detail", {})))


def _task(item: Mapping[str, Any]) -> StoredTask:
    return StoredTask(**{field.name: item[field.name] for field in fields(StoredTask)})


def _connection(item: Mapping[str, Any]) -> Connection:
    known = {field.name for field in fields(Connection)}
    return Connection(**{name: value for name, value in item.items() if name in known})
