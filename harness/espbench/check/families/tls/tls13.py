# SPDX-License-Identifier: MIT
"""What TLS 1.3 alone has: a second ClientHello, extensions that must be there, new keys."""

from __future__ import annotations

from espbench.check.check import CheckFailed, NotApplicable, check, expect
from espbench.check.families.tls.parameters import takes
from espbench.check.families.tls.records import is_status, status_of
from espbench.check.families.tls.support import HANDSHAKE, reason
from espbench.check.handshake.client_hello import (
    GROUPS,
    GROUPS_TYPE,
    KEY_SHARE_TYPE,
    SIGNATURES_TYPE,
    SUITES13,
    ClientHello,
    usual,
)
from espbench.check.handshake.established import Established
from espbench.check.handshake.names import TLS12, TLS13, group_name
from espbench.check.handshake.server_flight import ServerFlight, ask
from espbench.check.subject import Subject
from espbench.clients.errors import ClientError, ConnectionEnded

__all__ = ["MISSING"]

MISSING_EXTENSION = 109
MISSING = {
    "no signature_algorithms": SIGNATURES_TYPE,
    "no supported_groups": GROUPS_TYPE,
    "no key_share": KEY_SHARE_TYPE,
}


def _has_tls13(subject: Subject) -> None:
    if not takes(subject, TLS13):
        raise NotApplicable("It does not support TLS 1.3.")


def _answer(
    subject: Subject, *, shares: tuple[int, ...] = (29, 23), without: int = -1
) -> ServerFlight:
    extensions = [each for each in usual(versions=(TLS13,), shares=shares) if each.type != without]
    hello = ClientHello(TLS12, SUITES13, extensions, session=b"\x5a" * 32)
    return ask(subject.endpoint, hello.record())


@check("tls.retry", "RFC 8446, sections 4.1.4 and 4.2.8", needs="tls", estimate=3)
def retry(subject: Subject) -> None:
    """It asks a client for a key share that both support, and takes its second ClientHello."""
    _has_tls13(subject)
    flight = _answer(subject, shares=())
    expect(
        flight.retry,
        f"It {flight.how()} after a ClientHello without a key share: it has to ask for one of a "
        "group that both support (HelloRetryRequest).",
    )
    expect(
        flight.group in GROUPS,
        f"Its HelloRetryRequest asks for {group_name(flight.group)}, which the client did not "
        "offer.",
    )
    try:
        with Established(
            subject.endpoint.patient(HANDSHAKE).raw(), HANDSHAKE, subject.tls, shares=()
        ) as session:
            if not subject.server.http:
                return
            session.send_data(subject.request())
            status = status_of(session)
    except ClientError as error:
        raise CheckFailed(
            f"It asks for a key share, but then does not go on with it: {reason(error)}"
        ) from None
    expect(is_status(status), f"After a handshake with two ClientHellos, a request gets {status}.")


@check("tls.session_id", "RFC 8446, section 4.1.3 and appendix D.4", needs="tls", estimate=2)
def session_id(subject: Subject) -> None:
    """It repeats a client's session ID in TLS 1.3, so that old middleboxes let it pass."""
    _has_tls13(subject)
    for what, shares in (("ServerHello", (29, 23)), ("HelloRetryRequest", ())):
        flight = _answer(subject, shares=shares)
        expect(
            flight.session == b"\x5a" * 32,
            f"Its {what} of TLS 1.3 does not repeat the client's session ID (legacy_session_id), "
            "which it must do.",
        )


@check(
    "tls.missing_extension",
    "RFC 8446, section 9.2",
    needs="tls",
    cases=MISSING,
    estimate=3,
)
def missing_extension(subject: Subject, without: int) -> None:
    """It refuses a ClientHello that lacks an extension of TLS 1.3, with missing_extension."""
    _has_tls13(subject)
    name = next(key for key, value in MISSING.items() if value == without).removeprefix("no ")
    flight = _answer(subject, without=without)
    expect(
        flight.description == MISSING_EXTENSION,
        f"It {flight.how()} after a ClientHello of TLS 1.3 without the extension {name}: it must "
        "send the alert missing_extension.",
    )


@check("tls.key_update", "RFC 8446, section 4.6.3", needs="tls", estimate=2)
def key_update(subject: Subject) -> None:
    """It goes on after a client's KeyUpdate, with which long sessions change their keys."""
    _has_tls13(subject)
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP.")
    with Established(subject.endpoint.patient(HANDSHAKE).raw(), HANDSHAKE, subject.tls) as session:
        try:
            session.update_key()
            session.send_data(subject.request())
            status = status_of(session)
        except ConnectionEnded:
            status = "the end of the connection"
    expect(
        is_status(status),
        f"After a KeyUpdate, a request gets {status}: a server must accept one at any time after "
        "the handshake. Clients send it in sessions with many millions of records.",
    )
