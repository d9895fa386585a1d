# SPDX-License-Identifier: MIT
"""The phases of a boot with readable names, derived from a device's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from espbench.device.timeline import Event

__all__ = ["FIRST_ANSWER", "BootPhase", "Phase", "phases_from_json", "phases_of"]

Phase = Literal["host", "boot", "serving"]
"""Who works in a phase: the host, the ROM and the firmware, or the servers."""

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
"""Title and kind of the phases that the events of every boot may end."""


@dataclass(frozen=True)
class BootPhase:
    """A phase of a boot, which begins where the one before it ends.

    Attributes:
        at: its end, in seconds since the start was requested.
        name: what ended it, for display.
        phase: who worked in it.
    """

    at: float
    name: str
    phase: Phase = "boot"

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object; see `phases_from_json`."""
        return asdict(self)


def phases_of(events: Iterable[Event]) -> tuple[BootPhase, ...]:
    """Return the phases in order of time: a thread may add its event a little late."""
    return tuple(sorted((_phase_of(event) for event in events), key=lambda each: each.at))


def _phase_of(event: Event) -> BootPhase:
    # A firmware may report unknown events: they are shown under their own names.
    title, phase = KNOWN.get(event.name, (event.name.replace("_", " "), "boot"))
    detail = event.detail.get("scheme") or event.detail.get("ip") or event.detail.get("cause")
    return BootPhase(event.at, f"{title} ({detail})" if detail else title, phase)


def phases_from_json(data: object) -> tuple[BootPhase, ...]:
    """Return the phases that `BootPhase.as_json` wrote.

    Raises:
        ValueError: `data` is not a list of phases.
    """
    if not isinstance(data, list):
        raise ValueError("not a list of phases")
    return tuple(_phase_from_json(item) for item in data)


def _phase_from_json(item: object) -> BootPhase:
    match item:
        case {"at": float() | int() as at, "name": str(name), "phase": phase} if phase in get_args(
            Phase
        ):
            return BootPhase(float(at), name, phase)
    raise ValueError(f"not a phase: {item!r}")
