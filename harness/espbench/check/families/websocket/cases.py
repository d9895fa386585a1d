# SPDX-License-Identifier: MIT
"""What the numbered cases have in common: what is sent, and what the server has to do then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espbench.check.check import NotApplicable, Observation, expect
from espbench.check.families.websocket.conversation import (
    NO_CODE,
    PATIENCE,
    Conversation,
    Got,
    echoes_binary,
)
from espbench.check.subject import Subject
from espbench.clients import Frame
from espbench.clients.websocket import CLOSE, PING, close_payload
from espbench.util.listing import listing, uncapitalized
from espbench.util.timeouts import Deadline

__all__ = [
    "LARGE",
    "NEXT_PING",
    "Sent",
    "answers",
    "await_answers",
    "await_failure",
    "fails",
    "frames_of",
    "one",
]

NEXT_PING = Frame(PING)
"""Its pong shows that the server goes on. It has no payload, because a server that leaves payloads
of pings unread would end the connection for another reason than what the check asks about."""
PROBE = b"still there?"
"""Payload of the ping that follows valid frames without an answer, if a pong without one is due."""
QUIET = 1.5
"""Seconds (before scaling) of silence before that ping, and for what is late after its pong."""
GRACE = 0.5
"""Seconds (before scaling) that a server gets to end the connection after such a pong."""
END = 4.0
"""Seconds (before scaling) to end TCP after a close frame."""
LARGE = 60_000
"""Length (bytes) of a message that a small device may refuse."""
TOO_BIG, INTERNAL = 1009, 1011
FEW = 3
"""Messages that a sentence lists."""


@dataclass(frozen=True)
class Sent:
    """What a case sends.

    Attributes:
        frames: the frames.
        chop: size of the pieces (bytes) in which all are sent; 0 for one piece.
        apart: whether each frame is sent in a piece of its own.
    """

    frames: tuple[Frame, ...]
    chop: int = 0
    apart: bool = False

    def to(self, talk: Conversation) -> None:
        """Send it."""
        if self.apart:
            for frame in self.frames:
                talk.send_frames(frame)
        else:
            talk.send_frames(*self.frames, chop=self.chop)


def one(opcode: int, payload: bytes = b"", chop: int = 0, **more: int) -> Sent:
    """Return a single frame."""
    return Sent((Frame(opcode, payload, rsv=more.get("rsv", 0)),), chop)


def frames_of(opcode: int, *payloads: bytes, final: bool = True) -> tuple[Frame, ...]:
    """Return the frames of a fragmented message; without `final`, more has to follow."""
    last = len(payloads) - 1
    return tuple(
        Frame(0 if number else opcode, payload, fin=final and number == last)
        for number, payload in enumerate(payloads)
    )


def answers(
    subject: Subject, sent: Sent, messages: Sequence[str | bytes] = (), pongs: Sequence[bytes] = ()
) -> Observation | None:
    """Send valid frames, and check that each message and each pong comes back, in order.

    Raises:
        NotApplicable: the path does not echo such messages.
        CheckFailed: something does not come back, or not as it was sent.
    """
    if messages and not (subject.websocket and subject.websocket.echo):
        raise NotApplicable("The path does not echo.")
    if any(isinstance(each, bytes) for each in messages) and not echoes_binary(subject):
        raise NotApplicable("The path echoes text, but not binary messages.")
    with Conversation(subject) as talk:
        sent.to(talk)
        return await_answers(talk, messages, pongs)


def await_answers(
    talk: Conversation, messages: Sequence[str | bytes], pongs: Sequence[bytes]
) -> Observation | None:
    """Wait for messages and pongs, see `answers`."""
    left: dict[str, list[str | bytes]] = {"message": list(messages), "pong": list(pongs)}
    others: list[Got] = []
    deadline = Deadline(PATIENCE)
    probe, probed, went_on = PROBE if b"" in pongs else b"", False, False
    while left["message"] or left["pong"]:
        got = talk.next(deadline if probed else _sooner(Deadline(QUIET), deadline))
        if got is None:
            if probed or deadline.expired():
                break
            talk.send_frames(Frame(PING, probe))  # is it slow, or does it go on without an answer?
            probed = True
            continue
        if got.kind in ("close", "end", "invalid"):
            others.append(got)
            break
        due = left[got.kind]
        if due and got.data == due[0]:
            due.pop(0)
        elif probed and got == Got("pong", probe):
            went_on, deadline = True, _sooner(Deadline(QUIET), deadline)
        else:
            others.append(got)
    missing = [
        *(str(Got("message", each)) for each in left["message"]),
        *(str(Got("pong", each)) for each in left["pong"]),
    ]
    if not missing:
        return None
    if refuses_size(messages, others):
        return Observation(f"A message of {len(messages[0])} bytes got {others[-1]}.")
    nothing = "only the pong of a later ping" if went_on else f"nothing within {PATIENCE:g} s"
    more = len(others) - FEW
    shown = [str(each) for each in others[: None if more <= 1 else FEW]]
    came = listing([*shown, f"{more} more"] if more > 1 else shown) or nothing
    expect(False, f"The client expected {missing[0]}, but got {came}.")
    return None


def _sooner(one: Deadline, other: Deadline) -> Deadline:
    return min(one, other, key=Deadline.remaining)


def refuses_size(messages: Sequence[str | bytes], others: Sequence[Got]) -> bool:
    """Return whether a server ended the connection because of the size of a large message.

    RFC 6455, section 10.4: it has limits of its own, and need not give a code.
    """
    large = any(len(each) >= LARGE for each in messages)
    if not large or not others:
        return False
    last = others[-1]
    return last.kind == "end" or (
        last.kind == "close" and last.code in (TOO_BIG, INTERNAL, NO_CODE)
    )


def fails(
    subject: Subject,
    sent: Sent,
    what: str,
    codes: Sequence[int] = (1002,),
    never: Sequence[str | bytes] = (),
) -> Observation | None:
    """Send invalid frames, and check that the server fails the connection (section 7.1.7).

    Args:
        subject: whom to ask.
        sent: the frames.
        what: what is sent, for a sentence.
        codes: close codes that fit.
        never: messages that must not come back.

    Raises:
        CheckFailed: it goes on, or does not end the TCP connection.
    """
    with Conversation(subject) as talk:
        sent.to(talk)
        return await_failure(talk, what, codes, never)


def await_failure(
    talk: Conversation,
    what: str,
    codes: Sequence[int] = (1002,),
    never: Sequence[str | bytes] = (),
) -> Observation | None:
    """Wait until the server fails the connection, see `fails`."""
    talk.send_frames(NEXT_PING)
    deadline = Deadline(PATIENCE)
    went_on = False
    while True:
        got = talk.next(deadline)
        if got is None:
            sentence = (
                f"The server ignored {uncapitalized(what)} and answered the next ping"
                if went_on
                else f"After {uncapitalized(what)}, the server neither closed the connection nor "
                f"answered the next ping within {PATIENCE:g} s"
            )
            expect(False, f"{sentence}. It MUST fail the connection (close code {codes[0]}).")
            return None
        if got.kind == "end":
            return None
        if got.kind == "close":
            return _judge_close(talk, what, codes, got)
        if got.kind == "invalid" or (got.kind == "message" and got.data in never):
            expect(
                False,
                f"The server accepted {uncapitalized(what)} and sent back {got}. It MUST fail the "
                f"connection (close code {codes[0]}).",
            )
        if got.kind == "pong":
            went_on, deadline = True, Deadline(GRACE)


def _judge_close(
    talk: Conversation, what: str, codes: Sequence[int], got: Got
) -> Observation | None:
    talk.send_frames(Frame(CLOSE, close_payload(got.code) if got.code != NO_CODE else b""))
    expect(
        talk.gone(END),
        f"After {uncapitalized(what)}, the server sent {got}, but {END:g} s later the TCP "
        "connection is still open (section 7.1.1).",
    )
    if got.code not in codes:
        due = listing(map(str, codes), "or")
        return Observation(f"{what} got {got} instead of close code {due}.")
    return None
