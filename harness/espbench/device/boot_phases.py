# SPDX-License-Identifier: MIT
"""The phases of a boot as readable marks, derived from a device's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from espbench.device.timeline import Event

__all__ = ["FIRST_ANSWER", "Mark", "Phase", "marks", "marks_from_json"]

Phase = Literal["host", "boot", "serving"]
"""The phase that a mark ends: work of the host, of the ROM and firmware, or of the servers."""

FIRST_ANSWER = "first_https_answer"
"""The event that ends a measured boot."""

KNOWN: Mapping[str, tuple[str, Phase]] = {
    "start": ("start requested", "host"),
    "image": ("flash image written", "host"),
    "exec": ("QEMU executed", "host"),
    "forwards": ("forwarded ports known", "host"),
    "first_byte": ("first byte on the console", "boot"),
    "reset_cause": ("ROM banner", "boot"),
    "boot": ("firmware started", "boot"),
    "net": ("network up", "boot"),
    "listening": ("listening", "serving"),
    "answered": ("answered", "serving"),
    "ready": ("ready", "serving"),
    FIRST_ANSWER: ("first HTTPS answer", "serving"),
}
"""Title and phase of the events that every boot may have."""


@dataclass(frozen=True)
class Mark:
    """A moment of a boot.

    Attributes:
        at: seconds since the start was requested.
        name: the title, for display.
        phase: the phase that it ends.
    """

    at: float
    name: str
    phase: Phase = "boot"

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object; see `marks_from_json`."""
        return asdict(self)


def marks(events: Iterable[Event]) -> tuple[Mark, ...]:
    """Return the marks in order of time: a thread may add its event a little late."""
    return tuple(sorted((_mark(event) for event in events), key=lambda mark: mark.at))


def _mark(event: Event) -> Mark:
    # A firmware may report unknown events: they are shown under their own names.
    title, phase = KNOWN.get(event.name, (event.name.replace("_", " "), "boot"))
    detail = event.detail.get("scheme") or event.detail.get("ip") or event.detail.get("cause")
    return Mark(event.at, f"{title} ({detail})" if detail else title, phase)


def marks_from_json(data: object) -> tuple[Mark, ...]:
    """Return the marks that `Mark.as_json` wrote.

    Raises:
        ValueError: `data` is not a list of marks.
    """
    if not isinstance(data, list):
        raise ValueError("not a list of marks")
    return tuple(_mark_from_json(item) for item in data)


def _mark_from_json(item: object) -> Mark:
    match item:
        case {"at": float() | int() as at, "name": str(name), "phase": phase} if phase in get_args(
            Phase
        ):
            return Mark(float(at), name, phase)
    raise ValueError(f"not a mark: {item!r}")
