# SPDX-License-Identifier: MIT
"""What connections of each kind leave in the heap."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable

from espbench.check.check import CheckFailed, Observation, check
from espbench.check.families.memory.support import (
    HANDSHAKE,
    Loss,
    after,
    lost,
    message,
    prepared,
    repeat,
)
from espbench.check.families.tls.support import reason, tls_options
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.clients import Stream, TlsSteps
from espbench.clients.errors import ClientError
from espbench.clients.tls import Step
from espbench.util.listing import counted

__all__ = ["abort", "abort_while_served", "leaks", "name_of", "request"]

TIMES = 200
BUDGET = 12.0
"""Seconds (before scaling) for these connections: a TLS handshake takes up to a second."""
WARM = 3
PACE = 0.01
"""Seconds between clients that go away: the emulated Ethernet has few receive buffers, and a server
that misses a RST waits for its client."""
SOURCE = "ESP-IDF, components/heap/include/esp_heap_caps.h"
STEPS = (
    Step.CONNECTED,
    Step.HALF_A_HELLO,
    Step.HELLO_SENT,
    Step.SERVER_DONE_READ,
    Step.KEY_EXCHANGE_SENT,
    Step.HALF_A_FINISHED,
)


def name_of(subject: Subject) -> str:
    """Return the server's name for figures: its scheme, with the port if that is another one."""
    server = subject.server
    usual = {"http": 80, "https": 443, "tls": 443}.get(server.scheme)
    return server.scheme if server.port == usual else f"{server.scheme}_{server.port}"


def leaks(subject: Subject, client: Callable[[int], object], kind: str, what: str) -> Observation:
    """Measure what connections leave; what looks like a leak has to show twice.

    Args:
        subject: the server.
        client: opens a connection, and closes it; gets its number.
        kind: the figure's last part.
        what: the connections' name.

    Raises:
        CheckFailed: they leave memory behind.
    """
    count = 0

    def counting(number: int) -> None:
        nonlocal count
        client(number)
        count += 1

    try:
        repeat(counting, WARM, BUDGET)  # the first ones also allocate what stays
        loss = lost(subject, counting, TIMES, BUDGET)
        if loss.leak:
            again = lost(subject, counting, loss.connections, BUDGET)
            if again.leak:
                _fail(loss, again, what)
            loss = again
    except ClientError as error:
        free = subject.device.heap().free
        raise CheckFailed(
            f"{after(count, what)}, with {free} bytes of heap free: {reason(error)}"
        ) from None
    figure = Figure(
        f"memory.leak_{kind}",
        f"memory leaked by each of {loss.connections} {what}",
        round(loss.each) if loss.leak else 0,
        "B",
        tolerance=8,
    )
    return Observation("", [figure])


def _fail(first: Loss, second: Loss, what: str) -> None:
    raise CheckFailed(
        f"{first.connections} {what} leaked {first.bytes} bytes in "
        f"{counted(first.blocks, 'allocation')}, and {second.connections} more leaked "
        f"{second.bytes} "
        f"bytes in {second.blocks}: {second.each:.0f} bytes each."
    )


def request(subject: Subject) -> Callable[[int], object]:
    """Return a client that sends one request."""
    return lambda _: subject.endpoint.patient(HANDSHAKE).get(subject.path)


def abort(subject: Subject) -> Callable[[int], object]:
    """Return a client that goes away in the handshake, at another step each time."""
    tls = tls_options(subject, maximum=ssl.TLSVersion.TLSv1_2)

    def client(number: int) -> None:
        stream = subject.endpoint.patient(HANDSHAKE).raw()
        leave = Stream.reset if number % 2 else Stream.close
        try:
            TlsSteps(tls).go(stream, STEPS[number // 2 % len(STEPS)])
        finally:
            leave(stream)
            threading.Event().wait(PACE)

    return client


def abort_while_served(subject: Subject) -> Callable[[int], object]:
    """Return `abort`, whose client may itself fail as long as the server answers others."""
    client = abort(subject)

    def tolerant(number: int) -> None:
        try:
            client(number)
        except ClientError:
            if not subject.answers(timeout=HANDSHAKE):
                raise

    return tolerant


@check(
    "memory.requests",
    SOURCE,
    Severity.ROBUSTNESS,
    needs="http",
    inspects=True,
    limit=120,
    estimate=6,
)
def requests(subject: Subject) -> Observation:
    """Requests on separate connections leak no memory."""
    name = name_of(subject)
    return leaks(subject, request(subject), name, f"{subject.server.scheme} connections")


@check(
    "memory.websockets",
    SOURCE,
    Severity.ROBUSTNESS,
    needs="websocket",
    inspects=True,
    limit=120,
    estimate=6,
)
def websockets(subject: Subject) -> Observation:
    """WebSockets that are opened and closed leak no memory."""
    name = name_of(subject).replace("http", "ws", 1)
    what = f"{'wss' if subject.server.tls else 'ws'} sessions"
    with prepared("an upgrade"):
        message(subject)
    return leaks(subject, lambda _: message(subject), name, what)


@check(
    "memory.handshakes",
    SOURCE,
    Severity.ROBUSTNESS,
    needs="tls",
    inspects=True,
    limit=120,
    estimate=7,
)
def handshakes(subject: Subject) -> Observation:
    """Handshakes that clients abort leak no memory."""
    client = abort_while_served(subject)
    return leaks(subject, client, f"aborted_{name_of(subject)}", "aborted handshakes")
