# SPDX-License-Identifier: MIT
"""What several checks of the family share: clients that stop, and others that have to be served."""

from __future__ import annotations

import re
import ssl
import time
from dataclasses import replace

from espbench.check.check import CheckFailed, NotApplicable
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.clients import ByteStream, ConnectionEnded, Stream, Tls
from espbench.clients.errors import ClientTimeout, TlsError
from espbench.clients.tls import Step, TlsSteps
from espbench.util.listing import uncapitalized
from espbench.util.timeouts import Deadline, timeout_scale

__all__ = [
    "Stopped",
    "has_tls12",
    "meanwhile",
    "patience",
    "reason",
    "served",
    "speak",
    "tls_options",
]

QUICK, FACTOR, LONGEST = 5.0, 5, 20.0
"""Others have to be served in FACTOR times the time of a handshake, which counts as at least QUICK
and at most LONGEST seconds (before scaling): a check has to end, however slow the server is."""
HANDSHAKE = 30.0
"""Seconds (before scaling) that a client waits for a step of its handshake."""
RETRY = 0.1
"""Seconds between two attempts."""
_PEER = re.compile(r"127\.0\.0\.1:\d+")


def tls_options(subject: Subject, **changes: object) -> Tls:
    """Return TLS options that verify nothing, with some changed."""
    return replace(subject.tls, **changes)  # type: ignore[arg-type]


def has_tls12(subject: Subject) -> None:
    """Return if the server takes TLS 1.2, whose handshake can be done step by step.

    Raises:
        NotApplicable: it does not.
    """
    try:
        with subject.endpoint.patient(HANDSHAKE).but(maximum=ssl.TLSVersion.TLSv1_2).tls_stream():
            return
    except TlsError:
        raise NotApplicable(
            "It does not support TLS 1.2, and no other handshake can be stopped at a step."
        ) from None


class Stopped:
    """A client that has stopped its handshake at a step, and keeps the connection open."""

    def __init__(self, subject: Subject, step: Step) -> None:
        """Go up to this step."""
        self.steps = TlsSteps(tls_options(subject, maximum=ssl.TLSVersion.TLSv1_2))
        self.stream: Stream = subject.endpoint.patient(HANDSHAKE).raw()
        try:
            self.steps.go(self.stream, step)
        except BaseException:
            self.stream.close()
            raise

    def ended(self, seconds: float) -> bool:
        """Return whether the server ends the connection within these seconds (before scaling)."""
        deadline = Deadline(seconds)
        try:
            while self.stream.receive(deadline):
                pass
        except ClientTimeout:
            return False
        except ConnectionEnded:
            pass
        return True


def patience(subject: Subject) -> float:
    """Return the seconds (before scaling) in which a client has to be served, by a handshake."""
    began = time.monotonic()
    if not subject.answers(timeout=HANDSHAKE):
        raise CheckFailed(f"It does not serve a client on a quiet device within {HANDSHAKE:g} s.")
    return min(LONGEST, max(QUICK, FACTOR * (time.monotonic() - began)))


def meanwhile(subject: Subject, seconds: float) -> list[tuple[Server, bool]]:
    """Return for each server, this one and the others, whether it serves a new client in time.

    Plain servers are asked first, with less patience, because they have less to do.
    """
    asked = [*subject.others(), subject.server]
    asked.sort(key=lambda each: each.tls)
    return [(each, served(subject, seconds, each)) for each in asked if each.works]


def served(subject: Subject, seconds: float, server: Server | None = None) -> bool:
    """Return whether a server serves a client in time, which tries again when it is refused."""
    deadline = Deadline(seconds)
    while not subject.answers(server, max(0.5, deadline.remaining() / timeout_scale())):
        if deadline.expired():
            return False
        subject.device.wait_for_change(RETRY)
    return True


def speak(stream: ByteStream, subject: Subject) -> None:
    """Send a request on an established connection and read the response, if the server has HTTP."""
    if subject.server.http:
        subject.connection(stream, HANDSHAKE).get(subject.path)


def reason(error: Exception) -> str:
    """Return an error's sentence, to follow a colon, without the host's port, which varies."""
    text = _PEER.sub("it", str(error)).replace("TLS with it failed", "TLS failed")
    return uncapitalized(text)
