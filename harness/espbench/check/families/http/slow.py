# SPDX-License-Identifier: MIT
"""Clients that send their head or body byte by byte, or read nothing, while others want answers."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from espbench.check.check import Observation, check, expect
from espbench.check.families.http.exchange import PATIENCE, head
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import ByteStream, ClientTimeout
from espbench.clients.errors import ClientError
from espbench.util.listing import counted
from espbench.util.timeouts import Deadline, timeout_scale

__all__ = ["Tricklers"]

PAUSE = 0.25
"""Seconds (before scaling) between two bytes: more often than the usual receive time-outs."""
WATCH = 12.0
"""Seconds (before scaling) to see whether the server drops clients that trickle."""
HELD_UP = 3.0
"""Seconds (before scaling) that one client must not hold up the others."""
MANY = 8
NEVER = 20.0
"""Seconds (before scaling) after which a server that has served nobody else fails."""
REQUESTS = 3
BODY = 10_000
CLIENTS = {"one": 1, "many": MANY}


class Tricklers:
    """Clients that send bytes slowly, in a thread, until the block ends or they are dropped.

    Attributes:
        dropped: seconds after which each one that was dropped, or answered, was.
        answered: how many of these got an answer.
    """

    def __init__(self, subject: Subject, count: int, first: bytes, rest: bytes) -> None:
        """Connect; each client sends `first` at once and `rest` slowly.

        Raises:
            ClientError: the first of them cannot connect; the others may be refused.
        """
        self._rest = rest
        self._streams: list[ByteStream] = []
        self.dropped: list[float] = []
        self.answered = 0
        self._end = threading.Event()
        try:
            for number in range(count):
                self._connect(subject, first, must=number == 0)
        except BaseException:
            self._close()
            raise
        self.count = len(self._streams)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _connect(self, subject: Subject, first: bytes, *, must: bool) -> None:
        try:
            stream = subject.endpoint.stream()
            stream.send(first)
            self._streams.append(stream)
        except ClientError:
            if must:
                raise

    def _run(self) -> None:
        alive = list(self._streams)
        for at in range(len(self._rest)):
            if self._end.wait(PAUSE * timeout_scale()) or not alive:
                return
            for stream in list(alive):
                if not self._step(stream, self._rest[at : at + 1]):
                    alive.remove(stream)
                    self.dropped.append(time.monotonic() - self._began)

    def _step(self, stream: ByteStream, byte: bytes) -> bool:
        """Send a byte; return whether the server still wants more."""
        try:
            stream.send(byte, 0.5)
            self.answered += bool(stream.receive(0.001))
        except ClientTimeout:
            return True
        except ClientError:
            pass
        return False  # it has answered or ended the connection

    @property
    def seconds(self) -> float:
        """For how long they have trickled."""
        return time.monotonic() - self._began

    def wait(self, seconds: float) -> None:
        """Wait until all are dropped, but no longer than this."""
        self._thread.join(Deadline(seconds).remaining())

    def _close(self) -> None:
        for stream in self._streams:
            stream.reset()

    def __enter__(self) -> Self:
        """Begin to trickle; return when the server has had time to read the first bytes."""
        self._thread.start()
        self._end.wait(3 * PAUSE * timeout_scale())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End; the connections are reset."""
        self._end.set()
        self._thread.join()
        self._close()


def _waits(subject: Subject, first: bytes, rest: bytes) -> float:
    """Return how many seconds others wait while one client trickles."""
    with Tricklers(subject, 1, first, rest):
        began = time.monotonic()
        subject.answers(timeout=HELD_UP + 1)
        return time.monotonic() - began


def _judge(
    subject: Subject, count: int, what: str, first: bytes, rest: bytes
) -> Observation | None:
    """Ask for answers while clients trickle; say what became of both."""
    if count > 1 and subject.server.tls and subject.profile.tls_sessions:
        count = subject.profile.tls_sessions + 1
    if count == 1:
        # Twice, because a connection may stall by chance.
        waits = min(_waits(subject, first, rest) for _ in range(2))
        expect(
            waits < HELD_UP * timeout_scale(),
            f"While a client sends its {what} byte by byte, nobody else is served for "
            f"{waits:.0f} s.",
        )
        return None
    with Tricklers(subject, count, first, rest) as slow:
        verb = "sends its" if slow.count == 1 else "send their"
        who = f"{counted(slow.count, 'client')} {verb} {what}"
        began = time.monotonic()
        limit = Deadline(NEVER)
        served = subject.answers(timeout=PATIENCE)
        while not served and not limit.expired():
            served = subject.answers(timeout=max(0.5, min(PATIENCE, limit.remaining())))
        waited = time.monotonic() - began
        expect(
            served,
            f"While {who} byte by byte, nobody else is served for {waited:.0f} s "
            f"({_dropped(slow)}).",
        )
        slowest = 0.0
        for _ in range(REQUESTS):
            began = time.monotonic()
            again = subject.answers(timeout=PATIENCE)
            slowest = max(slowest, time.monotonic() - began)
            expect(again, f"While {who} byte by byte, not all other requests are answered.")
        slow.wait(WATCH)
        parts = []
        if max(waited, slowest) > PATIENCE / 4:
            parts.append(f"While {who} byte by byte, others wait {max(waited, slowest):.1f} s.")
        parts.append(
            f"Of {counted(slow.count, 'client')} that send their {what} byte by byte, "
            f"{_dropped(slow)}."
        )
    return Observation(" ".join(parts))


def _dropped(slow: Tricklers) -> str:
    """Return what became of clients that trickle, as a clause."""
    if not slow.dropped:
        return f"none is dropped within {slow.seconds:.0f} s"
    first, last = min(slow.dropped), max(slow.dropped)
    if last < 1:
        when = "within a second"
    elif first < 1:
        when = f"within {last:.0f} s"
    elif last - first < 1:
        when = f"after {first:.0f} s"
    else:
        when = f"after {first:.0f} to {last:.0f} s"
    count = len(slow.dropped)
    who = "all are" if count == slow.count else "1 is" if count == 1 else f"{count} are"
    verb = "dropped"
    if slow.answered:
        verb = "answered" if slow.answered == count else "answered or dropped"
    return f"{who} {verb} {when}"


@check(
    "http.slow_heads",
    "RFC 9110, section 17.5; ESP-IDF, components/esp_http_server/src/httpd_parse.c",
    Severity.ROBUSTNESS,
    plain=True,
    cases=CLIENTS,
    limit=120,
    estimate=16,
)
def slow_heads(subject: Subject, count: int) -> Observation | None:
    """While clients send their head byte by byte, others are served."""
    first = head(subject)[:-4] + b"\r\nX-Slow: "
    return _judge(subject, count, "head", first, b"s" * 400)


@check(
    "http.slow_bodies",
    "RFC 9110, section 17.5; ESP-IDF, components/esp_http_server/src/httpd_txrx.c",
    Severity.ROBUSTNESS,
    plain=True,
    cases=CLIENTS,
    limit=120,
    estimate=16,
)
def slow_bodies(subject: Subject, count: int) -> Observation | None:
    """While clients send their body byte by byte, others are served."""
    first = head(subject, f"Content-Length: {BODY}", method="POST")
    return _judge(subject, count, "body", first, b"b" * 400)


PIPELINED = 150


@check(
    "http.unread",
    "RFC 9293, section 3.8.6; ESP-IDF, components/esp_http_server/src/httpd_txrx.c",
    Severity.ROBUSTNESS,
    plain=True,
    limit=90,
    estimate=3,
)
def unread(subject: Subject) -> Observation | None:
    """While a client sends requests and reads no response, others are served."""
    with ExitStack() as stack:
        stream = subject.endpoint.stream()
        stack.callback(stream.reset)
        try:
            for _ in range(PIPELINED):
                stream.send(head(subject), 0.5)
        except ClientError:
            pass  # it takes no more
        began = time.monotonic()
        served = subject.answers(timeout=PATIENCE)
        seconds = time.monotonic() - began
        expect(
            served,
            f"While a client sends {PIPELINED} requests and reads no response, nobody else is "
            f"served for {seconds:.0f} s.",
        )
    if seconds > PATIENCE / 4:
        return Observation(f"A client that reads no response holds others up for {seconds:.1f} s.")
    return None
