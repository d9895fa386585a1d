# SPDX-License-Identifier: MIT
"""`State`: what is compared before and after a check to find out whether a device is still well."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from espbench.device.device import Device
from espbench.errors import QmpError

__all__ = ["State", "state_of", "watch_restarts"]


@dataclass(frozen=True)
class State:
    """What is compared before and after a check.

    Attributes:
        panics: panics so far.
        boots: boots so far, by the ROM's or the firmware's word, or by QEMU's.
        printed: characters on the console.
    """

    panics: int
    boots: int
    printed: int


_RESTARTS: WeakKeyDictionary[Device, list[str]] = WeakKeyDictionary()


def watch_restarts(device: Device) -> None:
    """Count the restarts of a running device, even if neither ROM nor firmware reports them."""
    qmp = device.qemu.qmp if device.board.in_qemu else None
    if qmp is None:
        return
    reasons: list[str] = []
    _RESTARTS[device] = reasons

    def note(event: dict[str, Any]) -> None:
        # QEMU's QMP reference, event RESET: `guest` is false for a reset that the host asked for.
        if event["event"] == "RESET" and event["data"]["guest"]:
            reasons.append(str(event["data"].get("reason", "")))

    qmp.listen(note)


def _restarts(device: Device) -> int:
    reasons = _RESTARTS.get(device)
    if reasons is None:
        return 0
    qmp = device.qemu.qmp
    if qmp is not None and device.running:
        with contextlib.suppress(QmpError):
            qmp.read_events()
    return len(reasons)


def state_of(device: Device) -> State:
    """Return a device's state."""
    restarts = _restarts(device)
    with device.console.changed:
        boots = max(device.boots, len(device.resets), 1 + restarts)
        return State(len(device.faults.panics), boots, len(device.console.text))
