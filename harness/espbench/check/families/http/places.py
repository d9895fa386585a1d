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
from espbench.util.listing import counted, uncapitalized

MOST = 16
"""Connections to hold at most."""
SOON = 3.0
"""Seconds (before scaling) in which one more client is served or not."""
PATIENT = 20.0
"""Seconds (before scaling) for each of several clients, whose handshakes wait for each other."""
SOURCE = "ESP-IDF, components/esp_http_server, max_open_sockets and lru_purge_enable"


@check("http.idle_connections", SOURCE, Severity.ROBUSTNESS, limit=120, estimate=4)
def idle_connections(subject: Subject) -> Observation | None:
    """Idle connections do not keep other clients out."""
    if subject.server.tls:
        step = 2  # each takes a handshake, and so does each question
    else:
        step = 1
    with ExitStack() as stack:
        for count in range(1, MOST + 1):
            try:
                stream = subject.endpoint.stream()
            except ClientError as error:
                open_ones = counted(count - 1, "idle connection")
                return Observation(f"Beside {open_ones}, one more cannot be opened: {error}")
            stack.callback(stream.reset)
            if count % step or subject.answers(timeout=SOON) or subject.answers(timeout=PATIENCE):
                continue
            figure = Figure(
                "http.idle_connections",
                "idle connections that leave room for other clients",
                count - step,
                better="higher",
            )
            return Observation(
                f"{counted(count, 'idle connection')} can keep all other clients out for more than "
                f"{SOON + PATIENCE:.0f} s.",
                [figure],
            )
    return None


@check("http.held_connections", SOURCE, Severity.ROBUSTNESS, limit=120, estimate=3)
def held_connections(subject: Subject) -> Observation:
    """Clients can keep their connections open between requests, and are served on them again."""
    if not keeps_alive(subject):
        raise NotApplicable("The server closes the connection after each response.")
    more = ""
    with ExitStack() as stack:
        held: list[HttpConnection] = []
        for _ in range(MOST):
            try:
                http = stack.enter_context(subject.endpoint.http())
                http.stream.send(head(subject))
            except ClientError as error:
                more = f"one more cannot connect: {error}"
                break
            got = receive_all(http, most=1, patience=SOON)
            if not got.responses:
                more = f"one more is not served: {got}."
                break
            held.append(http)
        alive = sum(_still(subject, http) for http in held)
    figure = Figure(
        "http.held_connections",
        "clients served on connections they keep open",
        alive,
        better="higher",
    )
    parts = []
    if alive < len(held):
        parts.append(
            f"{len(held) - alive} of {counted(len(held), 'client')} lost their connection when "
            "others connected."
        )
    if more:
        keep = "client keeps its connection" if len(held) == 1 else "clients keep their connections"
        parts.append(f"While {len(held)} {keep} open, {more}")
    expect(
        alive or not held,
        f"None of {counted(len(held), 'client')} that kept a connection open was served again.",
    )
    expect(
        subject.answers(),
        f"After {counted(len(held), 'client')} had disconnected, a GET was not answered within "
        f"{PATIENCE:g} s.",
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
    """Simultaneous clients are all served, as long as there is room for them."""
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
    errors = {
        uncapitalized(subject.worded(str(outcome.error)).rstrip("."))
        for outcome in outcomes
        if outcome.error is not None
    }
    beside = f" beside {held} open connections" if held else ""
    what = f"It served {served} of {count} simultaneous clients{beside}"
    places = subject.profile.tls_sessions if subject.server.tls else None
    due = min(count, places - held) if places else count if count + held <= 3 else 1
    sentence = f"{what}. The others failed: {'; '.join(sorted(errors))}."
    expect(served >= due, sentence)
    if served < count:
        return Observation(sentence)
    slowest = max(outcome.seconds for outcome in outcomes)
    usual = normal_get(subject)[1]
    if slowest > max(2.0, 4 * count * usual):
        return Observation(
            f"{count} simultaneous clients wait up to {slowest:.1f} s; a single one waits "
            f"{usual:.2f} s."
        )
    return None
