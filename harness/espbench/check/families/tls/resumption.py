# SPDX-License-Identifier: MIT
"""Resumed sessions, by session ID and by ticket, and sessions that a server does not know."""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass

from espbench.check.check import CheckFailed, Observation, check, expect
from espbench.check.families.tls.parameters import takes
from espbench.check.families.tls.support import HANDSHAKE, tls_options
from espbench.check.handshake.client_hello import SUITES, ClientHello, Extension, usual
from espbench.check.handshake.names import TLS12, TLS13
from espbench.check.handshake.server_flight import ask
from espbench.check.result import Figure
from espbench.check.subject import Subject
from espbench.clients.errors import ConnectionEnded
from espbench.clients.tls import tls_error
from espbench.util.listing import listing
from espbench.util.timeouts import Deadline

__all__ = ["Session", "connect", "context_for"]

TICKET = 35
PATIENCE = 2.0
"""Seconds (before scaling) for tickets of TLS 1.3, which follow the handshake."""


@dataclass(frozen=True)
class Session:
    """A finished handshake.

    Attributes:
        session: what can be resumed, or None.
        resumed: whether it was itself resumed.
        seconds: how long the handshake took.
    """

    session: ssl.SSLSession | None
    resumed: bool
    seconds: float


def connect(
    subject: Subject, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Session:
    """Do a handshake and a request, offering a session to resume.

    Raises:
        ClientError: it failed.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="espbench.test", session=session)
    with subject.endpoint.patient(HANDSHAKE).raw() as raw:
        began = time.monotonic()
        deadline = Deadline(HANDSHAKE)
        asked = False
        took = 0.0
        try:
            while True:
                try:
                    if not took:
                        tls.do_handshake()
                        took = time.monotonic() - began
                    if not asked:
                        asked = True
                        tls.write(subject.request())
                    tls.read(65536)
                    break
                except ssl.SSLWantReadError:
                    if outgoing.pending:
                        raw.send(outgoing.read(), deadline)
                    data = raw.receive(deadline)
                    if not data:
                        if took:
                            break
                        raise ConnectionEnded(
                            "The server closed the connection during the TLS handshake.",
                            reset=False,
                        ) from None
                    incoming.write(data)
        except ssl.SSLError as error:
            if not took:
                raise tls_error("the server", error) from None
        return Session(tls.session, bool(tls.session_reused), took)


def context_for(subject: Subject, version: ssl.TLSVersion, *, tickets: bool) -> ssl.SSLContext:
    """Return the context of a client with one version, which takes tickets or none."""
    context = tls_options(subject, minimum=version, maximum=version).context()
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    return context


@check(
    "tls.resumption",
    "RFC 5246, section 7.3; RFC 5077; RFC 8446, section 2.2",
    needs="tls",
    estimate=6,
)
def resumption(subject: Subject) -> Observation:
    """It resumes sessions, which saves the costly part of a handshake."""
    kinds = []
    if takes(subject, TLS12):
        kinds += [
            ("by session ID", ssl.TLSVersion.TLSv1_2, False),
            ("by ticket", ssl.TLSVersion.TLSv1_2, True),
        ]
    if takes(subject, TLS13):
        kinds.append(("by ticket of TLS 1.3", ssl.TLSVersion.TLSv1_3, True))
    done, times = [], []
    for name, version, tickets in kinds:
        context = context_for(subject, version, tickets=tickets)
        first = connect(subject, context)
        if first.session is None:
            continue
        if tickets and version is ssl.TLSVersion.TLSv1_2 and not first.session.has_ticket:
            continue
        second = connect(subject, context, first.session)
        if second.resumed:
            done.append(name)
            times.append(second.seconds)
    if not done:
        return Observation("It resumes no session, so each connection costs a full handshake.")
    figure = Figure(
        "tls.resumption",
        "duration of a resumed handshake",
        min(times),
        "s",
        tolerance=max(3.0, 4 * min(times)),
    )
    return Observation(f"It resumes sessions {listing(done)}.", [figure])


@check(
    "tls.unknown_session",
    "RFC 5246, section 7.4.1.2; RFC 5077, section 3.1",
    needs="tls",
    cases={"session ID": 1, "ticket": 2},
    estimate=2,
)
def unknown_session(subject: Subject, case: int) -> None:
    """It falls back to a full handshake for a session that it does not know."""
    if not takes(subject, TLS12):
        version, extensions = TLS13, usual(versions=(TLS13,))
    else:
        version, extensions = TLS12, usual()
    session = os.urandom(32)
    what = "an unknown session ID"
    if case == 2:
        what = "a ticket that it did not issue"
        extensions = [*extensions, Extension(TICKET, os.urandom(180))]
    suites = (0x1301, 0x1302, 0x1303) if version == TLS13 else (*SUITES, 0x00FF)
    flight = ask(subject.endpoint, ClientHello(TLS12, suites, extensions, session).record())
    if not flight.accepted:
        raise CheckFailed(f"It {flight.how()} after {what}: it must fall back to a full handshake.")
    expect(
        flight.complete,
        f"After {what}, it began an abbreviated handshake, as if it knew the session.",
    )
