# SPDX-License-Identifier: MIT
"""Allocations that fail, one place after the other: no restart, no hang, no loss of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

from espbench.check.check import CheckFailed, NotApplicable, Observation, check
from espbench.check.families.memory.support import HANDSHAKE, lost, prepared
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.inspect.allocations import Outcome, Place
from espbench.util.listing import counted
from espbench.util.timeouts import Deadline

__all__ = ["exchange_of", "judge", "own_first", "survived", "sweep"]

BUDGET = 30.0
"""Seconds (before scaling) for the places of one server."""
REQUESTS = 5
"""Requests that show whether each leaks memory by itself."""
STACK = frozenset(
    {
        *("lwip", "esp_netif", "esp_eth", "freertos", "esp_event", "newlib", "vfs", "esp_timer"),
        *("net", "esp_hw_support", "heap"),
    }
)
"""Folders of what belongs to the system, which no firmware's author can repair."""
CRYPTO = frozenset({"mbedtls", "library"})


def own_first(places: Sequence[Place]) -> list[Place]:
    """Return one place for each line of the source: the servers' first, then Mbed TLS's."""
    lines: dict[str, Place] = {}
    for place in places:
        lines.setdefault(place.name, place)
    ranked = [(_rank(place), place) for place in lines.values()]
    return [
        place for rank, place in sorted(ranked, key=lambda pair: pair[0]) if rank <= CRYPTO_RANK
    ]


CRYPTO_RANK = 1


def _rank(place: Place) -> int:
    parts = set(PurePath(place.frames[0].file or "").parts)
    if parts & STACK:
        return 2
    return CRYPTO_RANK if parts & CRYPTO else 0


def exchange_of(subject: Subject) -> Callable[[], object]:
    """Return a client that sends one request."""
    return lambda: subject.endpoint.patient(HANDSHAKE).get(subject.path)


def sweep(subject: Subject, places: Sequence[Place], seconds: float) -> list[Outcome]:
    """Let each place fail once, as long as there is time (in seconds, before scaling)."""
    deadline = Deadline(seconds)
    outcomes = []
    exchange = exchange_of(subject)
    for outcome in subject.device.allocation_sweep(exchange, places=places):
        outcomes.append(outcome)
        if deadline.expired():
            break
    subject.accept_restarts()
    return outcomes


def judge(outcomes: Sequence[Outcome]) -> None:
    """Raise CheckFailed if a failure had other consequences than its own request's."""
    bad = [outcome for outcome in outcomes if not outcome.good]
    if bad:
        raise CheckFailed(
            f"At {len(bad)} of {counted(len(outcomes), 'place')} that allocate during a request, a "
            f"failed allocation harms more than that request: {'; '.join(map(str, bad))}."
        )


def survived(places: int) -> str:
    """Return the clause that no failed allocation had other consequences."""
    where = "the one place" if places == 1 else f"each of {places} places"
    return f"It survives a failed allocation at {where} during a request"


@check(
    "memory.allocations",
    "ESP-IDF, components/heap/include/esp_heap_caps.h",
    Severity.ROBUSTNESS,
    needs="http",
    inspects=True,
    limit=240,
    estimate=16,
    provokes=True,
)
def allocations(subject: Subject) -> Observation:
    """When an allocation fails during a request, only that request fails."""
    exchange = exchange_of(subject)
    with prepared("a request"):
        exchange()  # the first one also allocates what stays
        loss = lost(subject, lambda _: exchange(), REQUESTS, BUDGET)
        if loss.leak:
            raise NotApplicable(
                f"Each request leaks {loss.each:.0f} bytes even if no allocation fails: see "
                "memory.requests."
            )
        everything = subject.device.allocation_places(exchange)
    places = own_first(everything)
    if not places:
        raise NotApplicable("Only system functions allocate memory during a request.")
    outcomes = sweep(subject, places, BUDGET)
    judge(outcomes)
    rest = len(places) - len(outcomes)
    return Observation(
        survived(len(outcomes))
        + (f"; there was no time for {rest} more in Mbed TLS." if rest else ".")
    )
