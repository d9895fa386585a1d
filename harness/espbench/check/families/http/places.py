# SPDX-License-Identifier: MIT
"""How many connections a server holds, idle or between requests, and how many it serves at once."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.http.exchange import (
    PATIENCE,
    head,
    keeps_alive,
    normal_get,
    receive_all,
)
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.clients import HttpConnection, run_concurrently
from espbench.clients.errors import ClientError

MOST = 16
"""Connections to hold at most."""
SOON = 3.0
"""Seconds (before scaling) in which one more client is served or not."""
PATIENT = 20.0
"""Seconds (before scaling) for each of several clients, whose handshakes wait for each other."""
SOURCE = "ESP-IDF, components/esp_http_server, max_open_sockets and lru_purge_enable"


@check("http.idle_connections", SOURCE, Severity.ROBUSTNESS, limit=120, estimate=4)
def idle_connections(subject: Subject) -> Observation | None:
    """Says how many idle connections keep others out, and for how long."""
    if subject.server.tls:
        step = 2  # each takes a handshake, and so does each question
    else:
        step = 1
    with ExitStack() as stack:
        for count in range(1, MOST + 1):
            try:
                stream = subject.endpoint.stream()
            except ClientError as error:
                return Observation(f"With {count - 1} idle connections, one more gets: {error}")
            stack.callback(stream.reset)
            if count % step or subject.answers(timeout=SOON) or subject.answers(timeout=PATIENCE):
                continue
            figure = Figure(
                "http.idle_connections",
                "idle connections beside which others are served",
                count - step,
                better="higher",
            )
            return Observation(
                f"{count} idle connections keep everybody else out for more than "
                f"{SOON + PATIENCE:.0f} s.",
                [figure],
            )
    return None


@check("http.held_connections", SOURCE, Severity.ROBUSTNESS, limit=120, estimate=3)
def held_connections(subject: Subject) -> Observation:
    """Says how many clients can keep their connection between requests, and what one more gets."""
    if not keeps_alive(subject):
        raise NotApplicable("The server closes the connection after each response.")
    more = ""
    with ExitStack() as stack:
        held: list[HttpConnection] = []
        for number in range(1, MOST + 1):
            try:
                http = stack.enter_context(subject.endpoint.http())
                http.stream.send(head(subject))
            except ClientError as error:
                more = f"client {number} gets: {error}"
                break
            got = receive_all(http, most=1, patience=SOON)
            if not got.responses:
                more = f"client {number}: {got}"
                break
            held.append(http)
        alive = sum(_still(subject, http) for http in held)
    figure = Figure(
        "http.held_connections",
        "clients served on connections that they keep",
        alive,
        better="higher",
    )
    parts = []
    if alive < len(held):
        parts.append(f"{len(held) - alive} of {len(held)} lose their connection to later ones.")
    if more:
        parts.append(f"While {len(held)} clients keep their connections, {more}.")
    expect(
        alive or not held,
        f"None of {len(held)} clients that kept their connection is served again.",
    )
    expect(
        subject.answers(),
        f"After {len(held)} clients have closed the connections that they kept, a GET is not "
        f"answered within {PATIENCE:g} s.",
    )
    return Observation(" ".join(parts), [figure])


def _still(subject: Subject, http: HttpConnection) -> bool:
    """Return whether a second request on a connection is answered."""
    try:
        http.stream.send(head(subject), SOON)
    except ClientError:
        return False
    return bool(receive_all(http, most=1, patience=SOON).responses)


AT_ONCE = {"three": (3, 0), "eight": (8, 0), "three beside three held open": (3, 3)}


@check("http.at_once", SOURCE, Severity.ROBUSTNESS, cases=AT_ONCE, estimate=4)
def at_once(subject: Subject, case: tuple[int, int]) -> Observation | None:
    """Clients that ask at the same moment are all served, as far as there are places."""
    count, held = case
    with ExitStack() as stack:
        for _ in range(held):
            http = stack.enter_context(subject.endpoint.http())
            http.stream.send(head(subject))
            receive_all(http, most=1)
        endpoints = [subject.endpoint.patient(PATIENT) for _ in range(count)]
        fields = {**subject.profile.headers, "Connection": "close"}
        outcomes = run_concurrently(
            [partial(each.request, "GET", subject.path, None, fields) for each in endpoints],
            2 * PATIENT,
        )
    served = sum(1 for outcome in outcomes if outcome.error is None)
    others = {
        subject.worded(str(outcome.error)).rstrip(".")
        for outcome in outcomes
        if outcome.error is not None
    }
    beside = f" beside {held} that keep their connections" if held else ""
    what = f"It serves {served} of {count} clients that ask at once{beside}"
    places = subject.profile.tls_sessions if subject.server.tls else None
    due = min(count, places - held) if places else count if count + held <= 3 else 1
    expect(served >= due, f"{what}; the others: {', '.join(sorted(others))}.")
    if served < count:
        return Observation(f"{what}; the others: {', '.join(sorted(others))}.")
    slowest = max(outcome.seconds for outcome in outcomes)
    usual = normal_get(subject)[1]
    if slowest > max(2.0, 4 * count * usual):
        return Observation(
            f"{count} clients at once wait up to {slowest:.1f} s; one, {usual:.2f} s."
        )
    return None
