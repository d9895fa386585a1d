# SPDX-License-Identifier: MIT
"""How sessions end: close_notify by either side, and connections that end without it."""

from __future__ import annotations

import ssl

from espbench.check.check import CheckFailed, NotApplicable, Observation, check, expect
from espbench.check.families.tls.support import HANDSHAKE, reason, speak
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients.errors import ClientError, ClientTimeout, ConnectionEnded
from espbench.util.timeouts import Deadline

ANSWER = 8.0
"""Seconds (before scaling) for a server to close a connection after the client's close_notify."""


@check(
    "tls.close_notify", "RFC 5246, section 7.2.1; RFC 8446, section 6.1", needs="tls", estimate=3
)
def close_notify(subject: Subject) -> Observation | None:
    """It answers a client's close_notify with its own, and closes the connection."""
    endpoint = subject.endpoint.patient(HANDSHAKE)
    with endpoint.tls_stream() as stream:
        speak(stream, subject)
        stream.finish()
        try:
            while stream.receive(Deadline(ANSWER)):
                pass
            reset = False
        except ClientTimeout:
            raise CheckFailed(
                f"A client sent close_notify, and {ANSWER:g} s later the server had not closed the "
                "connection: it has to do so at once.",
                Severity.ROBUSTNESS,
            ) from None
        except ConnectionEnded:
            reset = True
        old = stream.version != "TLSv1.3"
        if stream.ended_cleanly:
            return None
    how = "reset the connection" if reset else "closed the connection"
    if old:
        raise CheckFailed(
            f"A client sent close_notify, and the server {how} without its own: in TLS 1.2 it must "
            "respond with a close_notify."
        )
    return Observation(
        f"At a client's close_notify it {how} without its own, which TLS 1.3 allows."
    )


@check(
    "tls.server_closes", "RFC 5246, section 7.2.1; RFC 8446, section 6.1", needs="tls", estimate=4
)
def server_closes(subject: Subject) -> Observation | None:
    """When it closes a connection after a response, it sends close_notify first."""
    if not subject.server.http:
        raise NotApplicable("It answers no HTTP, so it cannot be asked to close.")
    with subject.endpoint.patient(HANDSHAKE).tls_stream() as stream:
        connection = subject.connection(stream, HANDSHAKE)
        connection.request("GET", subject.path, headers={"Connection": "close"})
        try:
            while stream.receive(Deadline(ANSWER)):
                pass
        except ClientTimeout:
            return Observation("It keeps a connection open after Connection: close.")
        except ConnectionEnded:
            raise CheckFailed(
                "It resets a connection after its response to Connection: close: it has to send "
                "close_notify and a FIN, or the response may get lost."
            ) from None
        expect(
            stream.ended_cleanly,
            "Without a close_notify it closes a connection after its response to Connection: "
            "close, so a client cannot tell the end from an attacker's cut.",
        )
    return None


@check("tls.truncated", "RFC 5246, section 7.2.1", Severity.ROBUSTNESS, needs="tls", estimate=3)
def truncated(subject: Subject) -> None:
    """It serves on when a client ends a session by FIN or RST, without close_notify."""
    for how in ("FIN", "RST"):
        stream = subject.endpoint.patient(HANDSHAKE).tls_stream()
        speak(stream, subject)
        if how == "FIN":
            stream.raw.close()
        else:
            stream.reset()
        try:
            with subject.endpoint.patient(HANDSHAKE).tls_stream() as following:
                speak(following, subject)
        except ClientError as error:
            raise CheckFailed(
                f"A client ended its session by {how}, and the next one failed: {reason(error)}"
            ) from None


@check("tls.half_closed", "RFC 5246, section 7.2.1; RFC 9112, section 9.6", needs="tls", estimate=3)
def half_closed(subject: Subject) -> Observation | None:
    """It answers a client that sends a request and close_notify at once, as TLS 1.3 allows."""
    if not subject.server.http:
        raise NotApplicable("It answers no HTTP.")
    with subject.endpoint.patient(HANDSHAKE).tls_stream() as stream:
        if stream.version != "TLSv1.3":
            raise NotApplicable("In TLS 1.2 a close_notify ends both directions.")
        connection = subject.connection(stream, ANSWER)
        connection.send("GET", subject.path)
        stream.finish()
        try:
            connection.receive()
        except (ClientError, ssl.SSLError) as error:
            return Observation(f"It does not answer a client that has sent close_notify: {error}")
    return None
