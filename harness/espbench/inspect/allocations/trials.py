# SPDX-License-Identifier: MIT
"""`try_places`: what happens to the device when each place that allocates fails, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from espbench.errors import EspbenchError
from espbench.inspect.allocations.failures import AllocationFailures
from espbench.inspect.allocations.places import Place

__all__ = ["Outcome", "try_places"]


@dataclass(frozen=True)
class Outcome:
    """What a failed allocation led to.

    Attributes:
        place: the place that failed.
        persistent: whether all later allocations failed, too.
        failed: how many allocations failed; 0: the exchange did not come to the place.
        served: whether the exchange succeeded in spite of it.
        error: what the exchange raised, or "".
        panics: how often the guest panicked or restarted.
        answers: whether the device answered the next client.
        lost: bytes that were not free afterwards; None if unknown. Negative: more are free.
    """

    place: Place
    persistent: bool
    failed: int
    served: bool
    error: str
    panics: int
    answers: bool
    lost: int | None

    @property
    def good(self) -> bool:
        """Whether nothing was lost but, perhaps, the one exchange."""
        return self.answers and not self.panics and (self.lost or 0) <= 0

    def __str__(self) -> str:
        """Return one line, such as "f (g.c:12) fails: 340 bytes lost"."""
        fails = f"{self.place.path} fails{' persistently' if self.persistent else ''}"
        return f"{fails}: {self._effect()}"

    def _effect(self) -> str:
        if not self.failed:
            return "not reached this time"
        if self.panics:
            return "the device restarts" + ("" if self.answers else " and does not answer any more")
        if not self.answers:
            return "the device does not answer any more"
        if (self.lost or 0) > 0:
            return f"{self.lost} bytes lost"
        return "served all the same" if self.served else "only this exchange ends"


def try_places(
    places: Iterable[Place],
    failures: AllocationFailures,
    exchange: Callable[[], Any],
    answers: Callable[[], bool],
    *,
    free: Callable[[int | None], int | None] = lambda _: None,
    panics: Callable[[], int] = lambda: 0,
    persistent: bool = False,
) -> Iterator[Outcome]:
    """Let each place fail during an exchange and yield what happened, as it happens.

    Args:
        places: from `AllocationPlaces`.
        failures: makes the allocations fail.
        exchange: talks to the device as when the places were collected; any EspbenchError, OSError
            or AssertionError that it raises counts as its failure.
        answers: returns whether the device serves a client; it has to wait for a restart, and gets
            the device going again if it must be reset.
        free: returns the free bytes of the heap once it is at rest; None if unknown. It gets the
            bytes that were free before (None the first time), and may return as soon as so many
            are free again.
        panics: returns how often the guest has panicked or restarted so far.
        persistent: whether, from the place on, every allocation fails until the exchange is over.

    Raises:
        StubError: QEMU or the stub has ended.
    """
    before: int | None = None
    for place in places:
        before = free(None) if before is None else before
        restarts = panics()
        error = ""
        with failures.at(place, persistent) as trial:
            try:
                exchange()
            except (EspbenchError, OSError, AssertionError) as caught:
                error = str(caught)
        failures.check()
        alive = answers()
        restarted = panics() - restarts
        after = free(None if restarted else before) if alive else None
        yield Outcome(
            place=place,
            persistent=persistent,
            failed=trial.failed,
            served=not error,
            error=error,
            panics=restarted,
            answers=alive,
            lost=None if before is None or after is None or restarted else before - after,
        )
        before = after
