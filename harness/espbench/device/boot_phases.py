# SPDX-License-Identifier: MIT
"""The phases of a boot, for people: made from a device's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from espbench.device.timeline import Event

__all__ = ["FIRST_ANSWER", "Mark", "Phase", "marks", "marks_from_json"]

Phase = Literal["host", "boot", "serving"]
"""Who works towards a moment: the host, the chip's ROM with the firmware, or the servers."""

FIRST_ANSWER = "first_https_answer"
"""The event that ends a measured boot."""

KNOWN: Mapping[str, tuple[str, Phase]] = {
    "start": ("start asked for", "host"),
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
        at: seconds after the start was asked for.
        name: as people read it.
        phase: who worked towards it.
    """

    at: float
    name: str
    phase: Phase = "boot"

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return asdict(self)


def marks(events: Iterable[Event]) -> tuple[Mark, ...]:
    """Return the moments in the order of time: a thread may add its event a little late."""
    return tuple(sorted((_mark(event) for event in events), key=lambda mark: mark.at))


def _mark(event: Event) -> Mark:
    # A firmware may report what we do not know: it is shown under its own name.
    title, phase = KNOWN.get(event.name, (event.name.replace("_", " "), "boot"))
    detail = event.detail.get("scheme") or event.detail.get("ip") or event.detail.get("cause")
    return Mark(event.at, f"{title} ({detail})" if detail else title, phase)


def marks_from_json(data: object) -> tuple[Mark, ...]:
    """Return the moments that `Mark.as_json` wrote.

    Raises:
        ValueError: these are none.
    """
    if not isinstance(data, list):
        raise ValueError("no list of moments")
    return tuple(_mark_from_json(item) for item in data)


def _mark_from_json(item: object) -> Mark:
    match item:
        case {"at": float() | int() as at, "name": str(name), "phase": phase} if phase in get_args(
            Phase
        ):
            return Mark(float(at), name, phase)
    raise ValueError(f"no moment: {item!r}")
