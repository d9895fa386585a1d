# SPDX-License-Identifier: MIT
"""Clients that stop in the middle of a handshake or go away, and whether others are served."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from espbench.check.check import CheckFailed, Observation, check, expect
from espbench.check.families.tls.support import (
    Stopped,
    has_tls12,
    meanwhile,
    patience,
    served,
)
from espbench.check.handshake.client_hello import ClientHello, usual
from espbench.check.result import Figure, Severity
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.clients import ConnectionEnded, Stream
from espbench.clients.errors import ClientError
from espbench.clients.tls import Step
from espbench.util.timeouts import Deadline

TRICKLE = 0.2
"""Seconds between two bytes of a client that trickles."""
LEFT = 1.0
"""Seconds for the trickling client to notice the end."""
PLACES = 6
"""Silent clients at once: more than the 4 sockets of ESP-IDF's HTTPS server."""
HELD = 16.0
"""Seconds (before scaling) after which a server still waits for a client that has stopped."""
BACK = 20.0
"""Seconds (before scaling) for a server to serve again when a client has gone away."""

STOPS = {
    "nothing sent": Step.CONNECTED,
    "half a ClientHello": Step.HALF_A_HELLO,
    "nothing after the ServerHello": Step.SERVER_DONE_READ,
    "half a Finished": Step.HALF_A_FINISHED,
}
ABANDONED = {
    step.value: step
    for step in Step
    if step not in (Step.SERVER_HELLO_READ,)  # at the mercy of how TCP cuts the flight
}


def _unserved(subject: Subject, limit: float) -> list[Server]:
    """Return the servers that do not serve a new client now.

    They are asked twice, as the first client may overtake those that wait: slirp connects them to
    the guest in any order.
    """
    for _ in range(2):
        if unserved := [server for server, served in meanwhile(subject, limit) if not served]:
            return unserved
    return []


def _serves_others(subject: Subject, limit: float, who: str) -> None:
    """Check that every server serves new clients now.

    Raises:
        CheckFailed: one does not.
    """
    unserved = [server.name for server in _unserved(subject, limit)]
    expect(
        not unserved,
        f"While {who}, no other client was served within {limit:.0f} s by "
        f"{' and by '.join(unserved)}.",
    )


@check(
    "tls.slow_client",
    "RFC 5246, section 7.3; ESP-IDF, components/esp_https_server/src/https_server.c",
    Severity.ROBUSTNESS,
    needs="tls",
    cases=STOPS,
    limit=120,
    estimate=30,
)
def slow_client(subject: Subject, step: Step) -> None:
    """While a client has stopped in the middle of its handshake, others are served."""
    if step not in (Step.CONNECTED, Step.HALF_A_HELLO):
        has_tls12(subject)
    limit = patience(subject)
    stopped = Stopped(subject, step)
    with stopped.stream:
        name = next(name for name, value in STOPS.items() if value is step)
        _serves_others(subject, limit, f"one client waits in its handshake ({name})")


@check(
    "tls.trickle",
    "RFC 5246, section 7.3; ESP-IDF, components/esp_https_server/src/https_server.c",
    Severity.ROBUSTNESS,
    needs="tls",
    limit=120,
    estimate=10,
)
def trickle(subject: Subject) -> None:
    """While a client sends its ClientHello byte by byte, others are served."""
    limit = patience(subject)
    hello = ClientHello(extensions=usual()).record()
    stop = threading.Event()

    def send(stream: Stream) -> None:
        with contextlib.suppress(ClientError, OSError):
            for byte in hello[:-1]:
                stream.send(bytes((byte,)))
                if stop.wait(TRICKLE):
                    return

    with subject.endpoint.raw() as stream:
        thread = threading.Thread(target=send, args=(stream,), daemon=True)
        thread.start()
        try:
            who = f"one client sends a byte of its ClientHello every {TRICKLE:g} s"
            _serves_others(subject, limit, who)
        finally:
            stop.set()
            stream.close()  # ends the thread, too, if the server takes nothing any more
            thread.join(LEFT)


@check(
    "tls.silent_clients",
    "ESP-IDF, components/esp_https_server/src/https_server.c",
    Severity.ROBUSTNESS,
    needs="tls",
    estimate=18,
)
def silent_clients(subject: Subject) -> Observation | None:
    """Six clients that connect and send nothing do not keep others out for good."""
    limit = patience(subject)
    began = time.monotonic()
    deadline = Deadline(HELD)
    with ExitStack() as stack:
        for _ in range(PLACES):
            stack.enter_context(subject.endpoint.raw())
        unserved = _unserved(subject, limit)
        others = [server.name for server in unserved if server != subject.server]
        expect(
            not others,
            f"While {PLACES} clients are connected to port {subject.server.port} and send nothing, "
            f"no other client was served within {limit:.0f} s by {' and by '.join(others)}.",
        )
        if not unserved:
            return None
        while not served(subject, limit):
            expect(
                not deadline.expired(),
                f"While {PLACES} clients are connected and send nothing, no other client was "
                f"served for {time.monotonic() - began:.0f} s.",
            )
    took = time.monotonic() - began
    return Observation(f"{PLACES} clients that send nothing keep all others out for {took:.0f} s.")


@check("tls.handshake_timeout", "RFC 5246, section 7.3", needs="tls", estimate=14)
def handshake_timeout(subject: Subject) -> Observation:
    """A client that stops in its handshake is dropped after some time."""
    began = time.monotonic()
    stopped = Stopped(subject, Step.HALF_A_HELLO)
    with stopped.stream:
        ended = stopped.ended(HELD)
    took = time.monotonic() - began
    if not ended:
        return Observation(
            f"It still waits for a client {took:.0f} s after half a ClientHello: such clients can "
            "keep others out."
        )
    figure = Figure(
        "tls.handshake_timeout",
        "time given to a client that stops in its handshake",
        took,
        "s",
        tolerance=5,
    )
    return Observation("", [figure])


def _goes_away(subject: Subject, step: Step, leave: Callable[[Stream], None]) -> None:
    try:
        stopped = Stopped(subject, step)
    except ConnectionEnded:
        return  # it is still busy with the one before
    leave(stopped.stream)


@check(
    "tls.abandoned",
    "RFC 5246, section 7.2.1",
    Severity.ROBUSTNESS,
    needs="tls",
    cases=ABANDONED,
    estimate=15,
)
def abandoned(subject: Subject, step: Step) -> None:
    """After clients have disconnected in the middle of a handshake, others are served."""
    if step not in (Step.CONNECTED, Step.HALF_A_HELLO, Step.HELLO_SENT):
        has_tls12(subject)
    for leave in (Stream.close, Stream.reset):
        _goes_away(subject, step, leave)
        if not served(subject, BACK):
            how = "closed" if leave is Stream.close else "reset"
            raise CheckFailed(
                f"After a client had {how} its connection in the handshake ({step.value}), the "
                f"next one was not served within {BACK:g} s."
            )
