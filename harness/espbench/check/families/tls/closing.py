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
def close_notify(subject: Subject) -> None:
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
                f"The server had not closed the connection {ANSWER:g} s after a client's "
                "close_notify: it has to do so at once.",
                Severity.ROBUSTNESS,
            ) from None
        except ConnectionEnded:
            reset = True
        if stream.ended_cleanly:
            return
    how = "reset the connection" if reset else "closed the connection"
    raise CheckFailed(
        f"After a client's close_notify, the server {how} without sending its own, which it must "
        "do first."
    )


@check(
    "tls.server_closes", "RFC 5246, section 7.2.1; RFC 8446, section 6.1", needs="tls", estimate=4
)
def server_closes(subject: Subject) -> Observation | None:
    """When it closes a connection after a response, it sends close_notify first."""
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP, so it cannot be asked to close.")
    with subject.endpoint.patient(HANDSHAKE).tls_stream() as stream:
        connection = subject.connection(stream, HANDSHAKE)
        connection.request("GET", subject.path, headers={"Connection": "close"})
        try:
            while stream.receive(Deadline(ANSWER)):
                pass
        except ClientTimeout:
            return Observation(
                "It keeps the connection open after a request with 'Connection: close'."
            )
        except ConnectionEnded:
            raise CheckFailed(
                "It resets the connection after its response to 'Connection: close': it has to "
                "send a close_notify and a FIN, or the response may get lost."
            ) from None
        expect(
            stream.ended_cleanly,
            "After its response to 'Connection: close', it closes the connection without a "
            "close_notify, so a client cannot tell whether an attacker has truncated the response.",
        )
    return None


@check("tls.truncated", "RFC 5246, section 7.2.1", Severity.ROBUSTNESS, needs="tls", estimate=3)
def truncated(subject: Subject) -> None:
    """It keeps serving after a client has ended a session without a close_notify."""
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
                f"After a client had ended its session with a {how}, the next one failed: "
                f"{reason(error)}"
            ) from None


@check("tls.half_closed", "RFC 5246, section 7.2.1; RFC 9112, section 9.6", needs="tls", estimate=3)
def half_closed(subject: Subject) -> Observation | None:
    """It answers a client that sends a close_notify right after a request, as TLS 1.3 allows."""
    if not subject.server.http:
        raise NotApplicable("It does not answer HTTP.")
    with subject.endpoint.patient(HANDSHAKE).tls_stream() as stream:
        if stream.version != "TLSv1.3":
            raise NotApplicable("In TLS 1.2, a close_notify ends both directions.")
        connection = subject.connection(stream, ANSWER)
        connection.send("GET", subject.path)
        stream.finish()
        try:
            connection.receive()
        except (ClientError, ssl.SSLError) as error:
            return Observation(
                f"It does not answer a client that has sent a close_notify: {reason(error)}"
            )
    return None
