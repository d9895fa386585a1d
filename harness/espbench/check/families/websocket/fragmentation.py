# SPDX-License-Identifier: MIT
"""Fragmented messages: cases 5 of the Autobahn suite."""

from __future__ import annotations

from dataclasses import dataclass

from espbench.check.check import NotApplicable, Observation, check
from espbench.check.families.websocket.cases import (
    Sent,
    answers,
    await_answers,
    fails,
    frames_of,
)
from espbench.check.families.websocket.conversation import Conversation
from espbench.check.subject import Subject
from espbench.clients import Frame
from espbench.clients.websocket import CONTINUATION, PING, PONG, TEXT

ONE, TWO, THREE, FOUR = b"fragment1", b"fragment2", b"fragment3", b"fragment4"
BOTH = frames_of(TEXT, ONE, TWO)
WHOLE = (ONE + TWO).decode()
PING_PAYLOAD = b"ping payload"
WITH_PING = (BOTH[0], Frame(PING, PING_PAYLOAD), BOTH[1])
STRAY = b"non-continuation payload"
HELLO = Frame(TEXT, b"Hello, world!")


@dataclass(frozen=True)
class Case:
    """A case: what is sent, and what has to come.

    Attributes:
        sent: the frames.
        pongs: the pongs that are due.
        fault: what is wrong with it; "" if nothing is, and the message has to come back.
        never: a message that must not come back.
    """

    sent: Sent
    pongs: tuple[bytes, ...] = ()
    fault: str = ""
    never: str = "Hello, world!"


def _wrong(fault: str, *frames: Frame, chop: int = 0, apart: bool = False) -> Case:
    return Case(Sent(frames, chop, apart), fault=fault)


NOTHING = "A continuation frame without a message to continue"
STRAY_END = (Frame(CONTINUATION, STRAY), HELLO)
STRAY_START = (Frame(CONTINUATION, STRAY, fin=False), HELLO)
CASES: dict[str, Case] = {
    "5.1": _wrong("A ping in two fragments", *frames_of(PING, ONE, TWO)),
    "5.2": _wrong("A pong in two fragments", *frames_of(PONG, ONE, TWO)),
    "5.3": Case(Sent(BOTH)),
    "5.4": Case(Sent(BOTH, apart=True)),
    "5.5": Case(Sent(BOTH, 1)),
    "5.6": Case(Sent(WITH_PING), (PING_PAYLOAD,)),
    "5.7": Case(Sent(WITH_PING, apart=True), (PING_PAYLOAD,)),
    "5.8": Case(Sent(WITH_PING, 1), (PING_PAYLOAD,)),
    "5.9": _wrong(NOTHING, *STRAY_END),
    "5.10": _wrong(NOTHING, *STRAY_END, apart=True),
    "5.11": _wrong(NOTHING, *STRAY_END, chop=1),
    "5.12": _wrong(NOTHING, *STRAY_START),
    "5.13": _wrong(NOTHING, *STRAY_START, apart=True),
    "5.14": _wrong(NOTHING, *STRAY_START, chop=1),
    "5.15": _wrong(NOTHING, *BOTH, Frame(CONTINUATION, THREE, fin=False), Frame(TEXT, FOUR)),
    "5.16": _wrong(
        NOTHING, *(Frame(CONTINUATION, ONE, fin=False), *frames_of(TEXT, TWO, THREE)) * 2
    ),
    "5.17": _wrong(NOTHING, *(Frame(CONTINUATION, ONE), *frames_of(TEXT, TWO, THREE)) * 2),
    "5.18": _wrong(
        "A text frame inside a fragmented message", Frame(TEXT, ONE, fin=False), Frame(TEXT, TWO)
    ),
    "5.19": Case(Sent(())),
    "5.20": Case(Sent((), apart=True)),
}


@check(
    "websocket.fragmentation",
    "RFC 6455, section 5.4",
    needs="websocket",
    plain=True,
    cases={number: (number, case) for number, case in CASES.items()},
    estimate=4,
)
def fragmentation(subject: Subject, case: tuple[str, Case]) -> Observation | None:
    """Fragments make one message; only control frames may come between them."""
    number, it = case
    if number in ("5.19", "5.20"):
        return _with_a_break(subject, apart=it.sent.apart)
    if it.fault:
        return fails(subject, it.sent, it.fault, never=(it.never, TWO.decode(), FOUR.decode()))
    return answers(subject, it.sent, [WHOLE], it.pongs)


def _with_a_break(subject: Subject, *, apart: bool) -> Observation | None:
    """Send five fragments and two pings, the second part when the first pong has come."""
    if not (subject.websocket and subject.websocket.echo):
        raise NotApplicable("The path does not echo.")
    parts = frames_of(TEXT, *(b"fragment%d" % number for number in range(1, 6)))
    pings = Frame(PING, b"pongme 1!"), Frame(PING, b"pongme 2!")
    with Conversation(subject) as talk:
        Sent((*parts[:2], pings[0]), apart=apart).to(talk)
        await_answers(talk, [], [pings[0].payload])
        Sent((*parts[2:4], pings[1], parts[4]), apart=apart).to(talk)
        whole = b"".join(part.payload for part in parts).decode()
        return await_answers(talk, [whole], [pings[1].payload])
