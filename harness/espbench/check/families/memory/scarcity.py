# SPDX-License-Identifier: MIT
"""Little memory left, and bodies and messages larger than all memory: servers go on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.memory.support import HANDSHAKE, SETTLED, prepared
from espbench.check.families.websocket.conversation import fields_of
from espbench.check.result import Severity
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.clients import ClientTimeout, RawWebSocket
from espbench.clients.errors import ClientError
from espbench.clients.websocket import Frame
from espbench.util.listing import listing
from espbench.util.timeouts import Deadline

TIMES_PEAK, LEAST = 3, 12_000
"""What is left for HTTP: this many times of what a request takes at its peak, but at least this."""
PATIENCE = 10.0
RECOVERY = 25.0
"""Seconds (before scaling) for a device to serve again when there is memory again."""
ROUNDS = 6
"""Attempts to leave just so much: blocks are rounded, and others allocate meanwhile."""
LARGE = 8 << 20
"""Bytes of a body or message: more than any memory of these chips."""
SENT = 192 << 10
"""Bytes of it that are sent at most."""
CHUNK = 4096
AT_ONCE = 0.5
"""Seconds that nobody has to read about."""
SENDING = 12.0


@contextmanager
def leaving(subject: Subject, free: int) -> Iterator[int]:
    """Hold heap so that this many bytes are left, or a little less, for the block."""
    device = subject.device
    try:
        for _ in range(ROUNDS):
            heap = device.heap()
            if heap.free <= free + 1024:
                break
            device.ballast(heap.ballast + heap.free - free)
        yield device.heap().free
    finally:
        device.ballast(0)


@check(
    "memory.scarce",
    "ESP-IDF, docs/en/api-guides/performance/ram-usage.rst",
    Severity.ROBUSTNESS,
    needs="",
    inspects=True,
    limit=180,
    cases={"room for HTTP": LEAST, "room for nothing": 3000},
    estimate=25,
    provokes=True,
)
def scarce(subject: Subject, room: int) -> Observation:
    """It serves HTTP with little memory left, and everything once memory is free again."""
    plain = next((each for each in subject.servers if each.http and not each.tls), None)
    secure = next((each for each in subject.servers if each.tls), None)
    if plain is None and secure is None:
        raise NotApplicable("Nothing answers HTTP or speaks TLS.")
    serves = plain is not None and room >= LEAST
    if plain is not None and serves:
        peak = _peak(subject, plain)
        room = max(room, TIMES_PEAK * peak)
    with leaving(subject, room) as left:
        if plain is not None and serves:
            expect(
                subject.answers(plain, PATIENCE),
                f"With {left} bytes of heap left, of which a request needs {peak}, {plain.name} "
                f"does not answer within {PATIENCE:g} s.",
            )
        seen = "" if secure is None else _client_gets(subject, secure)
    deadline = Deadline(RECOVERY)
    silent = subject.silent(PATIENCE)
    while silent and not deadline.expired():
        silent = subject.silent(PATIENCE)
    names = listing(each.name for each in silent)
    expect(
        not silent,
        f"After a while with only {left} bytes of heap left, {names} did not recover within "
        f"{RECOVERY:g} s.",
    )
    return Observation(f"With {left} bytes of heap left, a TLS client is {seen}." if seen else "")


def _peak(subject: Subject, server: Server) -> int:
    """Return the heap that a request to a server takes at its peak."""
    device = subject.device
    subject.answers(server, HANDSHAKE)
    before = device.settle(SETTLED).free
    device.memory.heap_reset()
    subject.answers(server, HANDSHAKE)
    return before - device.settle(SETTLED).low_water


def _client_gets(subject: Subject, server: Server) -> str:
    began = time.monotonic()
    try:
        subject.endpoint_of(server).patient(PATIENCE).tls_stream().close()
    except ClientTimeout:
        return f"left waiting for {PATIENCE:g} s"
    except ClientError:
        seconds = time.monotonic() - began
        return "turned away at once" if seconds < AT_ONCE else f"turned away after {seconds:.1f} s"
    return "served"


@check(
    "memory.large_body",
    "RFC 9110, section 15.5.14",
    Severity.ROBUSTNESS,
    needs="http",
    estimate=2,
)
def large_body(subject: Subject) -> Observation:
    """A request with a body larger than all memory does no harm."""
    fields = {"Content-Length": str(LARGE), "Content-Type": "application/octet-stream"}
    head = subject.request("POST", fields)
    answer, ended = b"", ""
    stream = subject.endpoint.patient(HANDSHAKE).stream()
    with contextlib.closing(stream):
        deadline = Deadline(SENDING)
        sent = 0
        try:
            stream.send(head)
            while sent < SENT and not deadline.expired():
                stream.send(b"x" * CHUNK, deadline)
                sent += CHUNK
        except ClientTimeout:
            ended = "stopped reading"
        except ClientError:
            ended = "closed the connection"
        with contextlib.suppress(ClientError):
            answer = stream.receive(Deadline(PATIENCE / 2))
    if answer:
        line = answer.split(b"\r\n", 1)[0].decode("latin-1")[:60]
        return Observation(f"A body of {LARGE >> 20} MB is answered with {line!r}.")
    how = ended or "was still reading, without an answer,"
    return Observation(f"The server {how} after {sent >> 10} kB of a body of {LARGE >> 20} MB.")


@check(
    "memory.large_message",
    "RFC 6455, section 10.4",
    Severity.ROBUSTNESS,
    needs="websocket",
    cases={"one frame": True, "fragments": False},
    estimate=2,
)
def large_message(subject: Subject, one: bool) -> Observation:
    """A message larger than all memory does no harm."""
    assert subject.websocket is not None
    with prepared("an upgrade"):
        socket = subject.endpoint.patient(HANDSHAKE).websocket(
            subject.websocket.path, headers=fields_of(subject)
        )
    with contextlib.closing(socket.stream):
        deadline = Deadline(SENDING)
        sent = 0
        ended = "was still reading"
        try:
            if one:
                socket.send_bytes(b"\x82\xff" + LARGE.to_bytes(8, "big") + bytes(4))
            while sent < SENT and not deadline.expired():
                if one:
                    socket.send_bytes(bytes(CHUNK))
                else:
                    socket.send_frame(Frame(0 if sent else 2, bytes(CHUNK), fin=False))
                sent += CHUNK
        except ClientTimeout:
            ended = "stopped reading"
        except ClientError:
            ended = "closed the connection"
        code = _close_code(socket, Deadline(PATIENCE / 2))
    what = f"a message of {LARGE >> 20} MB" if one else "an endless fragmented message"
    if code:
        return Observation(f"The server closes {what} with code {code}.")
    return Observation(f"The server {ended} after {sent >> 10} kB of {what}.")


def _close_code(socket: RawWebSocket, deadline: Deadline) -> int:
    """Return the code of the close frame that arrives, or 0."""
    try:
        return socket.receive_close(deadline).code
    except ClientError:
        return 0
