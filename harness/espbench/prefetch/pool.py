# SPDX-License-Identifier: MIT
"""`Pool`: a session's devices that boot ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from espbench.device.device import Device
from espbench.prefetch.boot_slots import Turn, turns, turns_folder, usable_cores
from espbench.prefetch.prebooted import Kind, Owner, Spare

ROOM = 512 << 20
"""Bytes of memory that must be free for another spare device; an `esp32` takes 190 MB."""


@dataclass(frozen=True)
class Order:
    """A device that a test is expected to request.

    Attributes:
        owner: the test and its fixture.
        device: the device, not started.
    """

    owner: Owner
    device: Device


class Pool:
    """The devices that boot ahead for one process; a pool of size 0 does nothing."""

    def __init__(self, size: int, *, worker: int = 0, workers: int = 1) -> None:
        """Create an empty pool.

        Args:
            size: number of devices that boot or wait at a time.
            worker, workers: index of this pytest-xdist worker, and the number of workers.
        """
        self.size = size
        self._worker, self._workers = worker, workers
        # A pool was requested, so let at least one device boot at a time.
        self._turns = turns(usable_cores(), workers) or 1
        self._count = 0
        self._spares: list[Spare] = []

    @property
    def spares(self) -> list[Spare]:
        """The devices that boot or wait, the next test's first."""
        return list(self._spares)

    def prepare(self, orders: Sequence[Order]) -> None:
        """Boot exactly these devices ahead, keeping equal ones that already boot or wait."""
        left, kept = self._spares, []
        for order in orders[: self.size]:
            inputs = inputs_of(order.device)
            if inputs is None:
                continue
            spare = next((spare for spare in left if same(spare.inputs, inputs)), None)
            if spare is not None:
                left.remove(spare)
                spare.owner = order.owner
                kept.append(spare)
            elif psutil.virtual_memory().available >= ROOM:
                kept.append(Spare(order.device, inputs, order.owner, self._next_turn()))
        self._spares = kept
        for spare in left:
            spare.drop()

    def _next_turn(self) -> Turn:
        number = (self._worker + self._count * self._workers) % self._turns
        self._count += 1
        return Turn(turns_folder(), number)

    def take(self, device: Device) -> Spare | None:
        """Return a spare equal to `device`, which belongs to the caller from now on, or None."""
        if not self._spares:
            return None
        inputs = inputs_of(device)
        found = inputs and [s for s in self._spares if same(s.inputs, inputs) and s.undisturbed()]
        if not found:
            return None
        self._spares.remove(found[0])
        return found[0] if found[0].claim() else None

    def not_taken(self, test: str) -> list[Kind]:
        """Return those of a test's fixtures that did not take the spare prepared for them."""
        return [fixture for owner, fixture in (s.owner for s in self._spares) if owner == test]

    def close(self) -> None:
        """End all spares."""
        spares, self._spares = self._spares, []
        for spare in spares:
            spare.drop()
        for spare in spares:
            spare.join()


def inputs_of(device: Device) -> tuple[Any, ...] | None:
    """Return a device's `boot_inputs`, or None if it cannot start; the test will report why."""
    try:
        return device.boot_inputs()
    except Exception:  # noqa: BLE001 (options may be anything; the test's start fails likewise)
        return None


def same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Return whether two devices' inputs are equal; inputs that cannot be compared are not."""
    try:
        return bool(a == b)
    except Exception:  # noqa: BLE001 (a user's own Readiness may do anything)
        return False


__all__ = ["Order", "Pool"]
