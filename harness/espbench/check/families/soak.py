# SPDX-License-Identifier: MIT
"""Hundreds of connections of each kind, and what has changed by then; these run on request."""

from __future__ import annotations

from collections.abc import Callable

from espbench.check.check import CheckFailed, NotApplicable, Observation, check, expect
from espbench.check.families.memory import allocations
from espbench.check.families.memory.leaks import abort_while_served, name_of, request
from espbench.check.families.memory.support import (
    SETTLED,
    after,
    exercise,
    lost,
    message,
    prepared,
    repeat,
)
from espbench.check.families.tls.support import reason
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.clients.errors import ClientError
from espbench.errors import NotInspectable
from espbench.util.listing import counted

TIMES = 1000
BUDGET = 600.0
"""Seconds (before scaling) for these connections; an emulated ESP32 does two handshakes each."""
LIMIT = BUDGET + 200
SOURCE = "ESP-IDF, components/heap/include/esp_heap_caps.h"
SWEEP = 1200.0


def _soak(subject: Subject, client: Callable[[int], object], kind: str, what: str) -> Observation:
    """Open many connections, one after the other, and compare memory and service.

    Raises:
        CheckFailed: connections fail from some number on, or memory is lost.
    """
    count = 0

    def counting(number: int) -> None:
        nonlocal count
        client(number)
        count = number + 1

    exercise(subject)  # what is allocated once and for all
    try:
        before = subject.device.memory.at_rest(SETTLED)
        loss = lost(subject, counting, TIMES, BUDGET)
    except NotInspectable:
        repeat(counting, TIMES, BUDGET)
        return Observation(f"It served {count} {what}.")
    except ClientError as error:
        raise CheckFailed(f"{after(count, what)}: {reason(error)}") from None
    expect(
        not loss.leak,
        f"{count} {what} leaked {loss.bytes} bytes in {counted(loss.blocks, 'allocation')}: "
        f"{loss.each:.1f} bytes each.",
    )
    shrunk = max(0, before.largest - subject.device.memory.at_rest(SETTLED).largest)
    figures = [
        Figure(
            f"soak.shrunk_{kind}", "shrinkage of the largest free block", shrunk, "B", "lower", 8192
        )
    ]
    return Observation(f"It served {count} {what}.", figures)


@check(
    "soak.requests",
    SOURCE,
    Severity.ROBUSTNESS,
    needs="http",
    on_request=True,
    limit=LIMIT,
    estimate=120,
)
def requests(subject: Subject) -> Observation:
    """It serves 1000 connections with a request each, and leaks no memory."""
    return _soak(
        subject, request(subject), name_of(subject), f"{subject.server.scheme} connections"
    )


@check(
    "soak.websockets",
    SOURCE,
    Severity.ROBUSTNESS,
    needs="websocket",
    on_request=True,
    limit=LIMIT,
    estimate=120,
)
def websockets(subject: Subject) -> Observation:
    """It serves 1000 WebSockets with a message each, and leaks no memory."""
    scheme = "wss" if subject.server.tls else "ws"
    name = name_of(subject).replace("http", "ws", 1)
    with prepared("an upgrade"):
        message(subject)
    return _soak(subject, lambda _: message(subject), name, f"{scheme} sessions")


@check(
    "soak.handshakes",
    SOURCE,
    Severity.ROBUSTNESS,
    needs="tls",
    on_request=True,
    limit=LIMIT,
    estimate=120,
)
def handshakes(subject: Subject) -> Observation:
    """It survives 1000 handshakes that clients abort, and leaks no memory."""
    return _soak(
        subject, abort_while_served(subject), f"aborted_{name_of(subject)}", "aborted handshakes"
    )


@check(
    "soak.allocations",
    SOURCE,
    Severity.ROBUSTNESS,
    needs="http",
    inspects=True,
    on_request=True,
    limit=SWEEP + 300,
    estimate=240,
)
def every_allocation(subject: Subject) -> Observation:
    """When an allocation fails during a request, even the system's, only that request fails."""
    exchange = allocations.exchange_of(subject)
    exchange()  # the first one also allocates what stays
    places = subject.device.allocation_places(exchange)
    if not places:
        raise NotApplicable("A request allocates no memory.")
    outcomes = allocations.sweep(subject, places, SWEEP)
    allocations.judge(outcomes)
    return Observation(f"{allocations.survived(len(outcomes))}.")
