# SPDX-License-Identifier: MIT
"""How many TLS sessions a server has at once, what one more gets, and whether places come back."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.tls.support import HANDSHAKE, QUICK, patience, reason, served
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.clients import TlsStream, run_concurrently
from espbench.clients.errors import ClientError, ClientTimeout, ConnectionEnded
from espbench.util.listing import counted, listing
from espbench.util.timeouts import Deadline

MOST = 20
"""Sessions to try at most: ESP-IDF's default is 4, and its lwIP has 10 sockets by default."""
LOOK = 0.3
"""Seconds (before scaling) in which the end of a session that was purged arrives."""
ENDED = "the server ended its session at once."
FREED = 0.5
"""Seconds in which a server frees the places of sessions that were closed."""
AGAIN = 20.0
"""Seconds (before scaling) for a place that a client gave up to be usable again."""
BURST = 8
"""Clients of a burst: as many as there are forwarded ports, so that they really come at once."""
REQUESTS = 3
RETRY = 0.1
BURST_LIMIT = 45.0


@dataclass
class Full:
    """What a server did when it was full.

    Attributes:
        held: the sessions that are still open, oldest first.
        count: how many were open at once.
        victims: the numbers, from 1, of the sessions that it ended for the next one.
        clean: whether it sent them a close_notify.
        refused: what the next one got; "" if it was served.
        seconds: after how long.
    """

    held: list[TlsStream] = field(default_factory=list)
    count: int = 0
    victims: list[int] = field(default_factory=list)
    clean: bool = False
    refused: str = ""
    seconds: float = 0.0

    def sentence(self) -> str:
        """Return it as a sentence."""
        sessions = f"It serves {counted(self.count, 'session')} at once"
        if self.victims:
            which = _which(self.victims, self.count)
            told = "with" if self.clean else "without"
            return (
                f"{sessions}; when one more client connects, it ends {which} {told} a close_notify."
            )
        if self.refused:
            return f"{sessions}; one more failed after {self.seconds:.1f} s: {self.refused}"
        return f"{sessions}; more were not tried."


def _which(victims: Sequence[int], count: int) -> str:
    if list(victims) == [count]:
        return "the newest session"
    if list(victims) == [1]:
        return "the oldest session"
    return f"session{'' if len(victims) == 1 else 's'} {listing(map(str, victims))}"


def _gone(stream: TlsStream, seconds: float) -> bool:
    """Return whether the server has ended a session on which nothing was asked."""
    try:
        while stream.receive(Deadline(seconds)):
            pass
    except ClientTimeout:
        return False
    except ClientError:
        pass
    return True


def fill(subject: Subject, limit: float, most: int | None = None) -> Full:
    """Open sessions until one more is not served, or costs another one its place.

    Args:
        subject: the server.
        limit: seconds (before scaling) for each handshake.
        most: how many to try; None for `MOST`.
    """
    full = Full()
    while full.count < (MOST if most is None else most):
        began = time.monotonic()
        try:
            stream = subject.endpoint.patient(limit).tls_stream()
        except ClientError as error:
            full.refused, full.seconds = reason(error), time.monotonic() - began
            return full
        if _gone(stream, LOOK):
            full.refused = ENDED
            full.seconds = time.monotonic() - began
            stream.close()
            return full
        gone = [n for n, each in enumerate(full.held, 1) if _gone(each, LOOK / (full.count + 1))]
        full.held.append(stream)
        if gone:
            full.victims = gone
            full.clean = all(full.held[n - 1].ended_cleanly for n in gone)
            for number in reversed(gone):
                full.held.pop(number - 1).close()
            return full
        full.count += 1
    return full


def empty(full: Full) -> None:
    """Close all sessions that are still open."""
    for each in full.held:
        with contextlib.suppress(ClientError, OSError):
            each.close()
    full.held.clear()


@check(
    "tls.sessions",
    "ESP-IDF, components/esp_https_server/include/esp_https_server.h",
    Severity.ROBUSTNESS,
    needs="tls",
    fresh=True,  # a session of another check may still hold a place
    estimate=15,
)
def sessions(subject: Subject) -> Observation:
    """When a client closes its session, another one can take its place."""
    full = fill(subject, max(QUICK * 2, patience(subject)))
    try:
        wanted = subject.profile.tls_sessions
        expect(
            wanted is None or full.count >= wanted,
            f"{full.sentence()} The profile asks for {wanted} (limits.tls-sessions).",
        )
        expect(full.count, f"It serves no session at all: {full.refused}")
        if full.held:
            full.held.pop().close()
        deadline = Deadline(AGAIN)
        while error := _refusal(subject, full):
            expect(
                not deadline.expired(),
                f"{full.sentence()} {deadline} after a client had closed its session, no other "
                f"could take its place: {error}",
            )
            subject.device.wait_for_change(RETRY)
    finally:
        empty(full)
    figure = Figure(
        "tls.sessions", "TLS sessions at once", full.count, better="higher", tolerance=1
    )
    return Observation(full.sentence(), [figure])


def _refusal(subject: Subject, full: Full) -> str:
    """Open one more session; return why that fails, or "" and the session among the held ones."""
    try:
        stream = subject.endpoint.patient(QUICK * 2).tls_stream()
    except ClientError as error:
        return reason(error)
    full.held.append(stream)
    if _gone(stream, LOOK):
        full.held.pop().close()
        return ENDED
    return ""


@check(
    "tls.newcomer",
    "ESP-IDF, components/esp_http_server/src/httpd_sess.c (PR #17470)",
    Severity.ROBUSTNESS,
    needs="tls",
    estimate=8,
)
def newcomer(subject: Subject) -> Observation | None:
    """When it is full, it ends the session of an idle client, not that of the newest one."""
    if not subject.server.http:
        raise NotApplicable(
            "It does not answer HTTP, so an idle client cannot be distinguished from a new one."
        )
    limit = max(QUICK * 2, patience(subject))
    full = fill(subject, limit)
    empty(full)
    if not full.victims or full.count < 2:
        raise NotApplicable("It ends no session when it is full: see tls.sessions.")
    expect(served(subject, AGAIN), "After all sessions had been closed, nobody was served.")
    subject.device.wait_for_change(FREED)
    with ExitStack() as stack:
        held = []
        for number in range(full.count):
            stream = stack.enter_context(subject.endpoint.patient(limit).tls_stream())
            if number < full.count - 1:
                response = subject.connection(stream, limit).get(subject.path)
                if not response.keeps_alive:
                    raise NotApplicable("It closes each connection after a response.")
            held.append(stream)
        gone: list[int] = []
        for _ in range(full.count):  # it may not have freed all places before
            stack.enter_context(subject.endpoint.patient(limit).tls_stream())
            if gone := [number for number, each in enumerate(held, 1) if _gone(each, LOOK)]:
                break
    if gone == [full.count]:
        return Observation(
            f"When it is full with {full.count} sessions and another client connects, it ends the "
            "session of a client that has not sent its first request yet, although the others "
            "have been idle for longer."
        )
    return None


def _several(subject: Subject) -> int:
    """Send some requests on one connection; return how many were answered."""
    answered = 0
    with contextlib.suppress(ClientError):
        connection = subject.endpoint.patient(HANDSHAKE).http()
        with connection:
            for _ in range(REQUESTS):
                response = connection.get(subject.path)
                answered += 1
                if not response.keeps_alive:
                    return REQUESTS
    return answered


@check(
    "tls.busy_sessions",
    "ESP-IDF, components/esp_https_server/include/esp_https_server.h",
    Severity.ROBUSTNESS,
    needs="tls",
    fresh=True,
    estimate=15,
)
def busy_sessions(subject: Subject) -> Observation:
    """When one client too many sends requests, at least one of the clients is served."""
    full = fill(subject, max(QUICK * 2, patience(subject)), BURST - 1)
    empty(full)
    expect(served(subject, AGAIN), "After all sessions had been closed, nobody was served.")
    clients = full.count + 1
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP.")
    alone = _several(subject)
    expect(alone, "A client was not served on a quiet device.")
    # Some servers end each connection after a response, such as one with status 404.
    requests = min(alone, REQUESTS)
    outcomes = run_concurrently([lambda: _several(subject)] * clients, timeout=4 * HANDSHAKE)
    answered = [outcome.get() for outcome in outcomes]
    whole = sum(each >= requests for each in answered)
    expect(
        whole,
        f"Of {clients} clients with {requests} requests each at once, none got all its responses "
        f"({sum(answered)} of {clients * requests} arrived).",
    )
    figure = Figure(
        "tls.busy_sessions", "busy clients served at once", whole, better="higher", tolerance=2
    )
    if whole == clients:
        return Observation("", [figure])
    counts = Counter(each for each in answered if each < requests)
    parts = [
        f"{whole} got all {requests} responses" if requests > 1 else f"{whole} got a response",
        *(f"{times} got {f'only {n}' if n else 'none'}" for n, times in sorted(counts.items())),
    ]
    return Observation(f"Of {clients} simultaneous clients, {listing(parts)}.", [figure])


def _until_served(subject: Subject, deadline: Deadline) -> int:
    """Connect and ask until there is a response; return the number of attempts.

    Raises:
        ClientError: what the last attempt got, at the deadline.
    """
    attempts = 0
    while True:
        attempts += 1
        try:
            endpoint = subject.endpoint.patient(HANDSHAKE)
            if subject.server.http:
                endpoint.get(subject.path)
            else:
                endpoint.tls_stream().close()
            return attempts
        except ConnectionEnded:
            if deadline.expired():
                raise
            subject.device.wait_for_change(RETRY)


@check(
    "tls.burst",
    "RFC 9293, section 3.9.1.1",
    Severity.ROBUSTNESS,
    needs="tls",
    estimate=8,
)
def burst(subject: Subject) -> Observation:
    """Eight clients that connect at once, and try again if they are refused, are all served."""
    deadline = Deadline(BURST_LIMIT)
    began = time.monotonic()
    outcomes = run_concurrently(
        [lambda: _until_served(subject, deadline)] * BURST, timeout=BURST_LIMIT + 2 * HANDSHAKE
    )
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    expect(
        not failed,
        f"Of {BURST} simultaneous clients, {len(failed)} {'was' if len(failed) == 1 else 'were'} "
        f"not served within {BURST_LIMIT:.0f} s: {reason(failed[0]) if failed else ''}",
    )
    attempts = sum(outcome.get() for outcome in outcomes)
    refused = attempts - BURST
    retries = f", and refused {counted(refused, 'attempt')} before" if refused else ""
    seconds = time.monotonic() - began
    return Observation(f"It served {BURST} simultaneous clients in {seconds:.1f} s{retries}.")
