# SPDX-License-Identifier: MIT
"""What several checks of the family share: clients that exercise servers, and heaps at rest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from espbench.check.check import CheckFailed, NotApplicable
from espbench.check.families.websocket.conversation import fields_of
from espbench.check.subject import Subject
from espbench.clients.errors import ClientError
from espbench.errors import MemoryLeaked
from espbench.util.listing import counted, uncapitalized
from espbench.util.timeouts import Deadline

__all__ = [
    "HANDSHAKE",
    "SETTLED",
    "Loss",
    "after",
    "exercise",
    "lost",
    "message",
    "prepared",
    "repeat",
]

HANDSHAKE = 30.0
"""Seconds (before scaling) that a client waits."""
SETTLED = 15.0
"""Seconds (before scaling) for the heap to come to rest."""
BACK = 8.0
"""Seconds (before scaling) for closed connections to give their memory back."""


def message(subject: Subject) -> None:
    """Open the subject's WebSocket, send a message, and close it.

    How the server echoes and closes is for the checks of `websocket` to judge.

    Raises:
        ClientError: it did not open.
    """
    assert subject.websocket is not None
    socket = subject.endpoint.patient(HANDSHAKE).websocket(
        subject.websocket.path, headers=fields_of(subject)
    )
    with contextlib.suppress(ClientError), contextlib.closing(socket):
        if subject.websocket.echo:
            socket.send("espbench")
            socket.receive()


@contextlib.contextmanager
def prepared(what: str) -> Iterator[None]:
    """Turn a client's error in the block, which only prepares a check, into `NotApplicable`.

    That it is not served is the finding of a check of `http`, `websocket` or `tls`, not one about
    memory.

    Args:
        what: what the block does, such as "a request".
    """
    try:
        yield
    except ClientError as error:
        raise NotApplicable(
            f"On a quiet device, {what} fails: {uncapitalized(str(error)).rstrip('.')}. Look at "
            "the families http, websocket and tls first."
        ) from None


def exercise(subject: Subject) -> None:
    """Send a request to each server, and ignore how it is answered."""
    for server in subject.servers:
        subject.answers(server, HANDSHAKE)
        if server.http:
            with contextlib.suppress(ClientError):
                endpoint = subject.endpoint_of(server).patient(HANDSHAKE)
                endpoint.request("POST", server.path, b"x" * 512)


def after(count: int, what: str) -> str:
    """Return the clause for three clients that failed in a row."""
    return (
        f"After {count} {what}, three in a row failed"
        if count
        else f"The first three {what} failed"
    )


def repeat(client: Callable[[int], object], times: int, seconds: float) -> int:
    """Call a client several times, or as often as there is time; return how often.

    Raises:
        ClientError: three clients in a row failed.
    """
    deadline = Deadline(seconds)
    failed = 0
    for number in range(times):
        if number and deadline.expired():
            return number
        try:
            client(number)
            failed = 0
        except ClientError:
            failed += 1
            if failed == 3:
                raise
    return times


@dataclass(frozen=True)
class Loss:
    """What connections left.

    Attributes:
        connections: how many there were.
        bytes: bytes that are not free any more.
        blocks: allocations that are left.
    """

    connections: int
    bytes: int
    blocks: int

    @property
    def each(self) -> float:
        """Bytes for each connection."""
        return max(0, self.bytes) / self.connections

    @property
    def leak(self) -> bool:
        """Whether that may be a leak: others allocate, too, but not with each connection."""
        allocations = self.blocks >= max(3, self.connections // 20)
        return self.bytes > 0 and (allocations or self.bytes >= 40 * self.connections)


def lost(subject: Subject, client: Callable[[int], object], times: int, seconds: float) -> Loss:
    """Return what connections leave in the heap, once it is at rest again.

    Raises:
        ClientError: three clients in a row failed.
        CheckFailed: connections stay open, although each client has closed its own.
    """
    memory = subject.device.memory
    before = memory.at_rest(SETTLED)
    done = repeat(client, times, seconds)
    deadline = Deadline(BACK)
    while True:
        try:
            now = memory.at_rest(SETTLED)
        except MemoryLeaked as error:
            raise CheckFailed(
                f"After {counted(done, 'connection')}, {uncapitalized(str(error))}"
            ) from None
        loss = Loss(done, before.free - now.free, now.blocks - before.blocks)
        if not loss.leak or deadline.expired():
            return loss
