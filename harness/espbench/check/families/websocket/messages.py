# SPDX-License-Identifier: MIT
"""Messages and pings of all lengths: cases 1, 2 and 10 of the Autobahn suite."""

from __future__ import annotations

from espbench.check.check import Observation, check
from espbench.check.families.websocket.cases import (
    Sent,
    answers,
    await_failure,
    frames_of,
    one,
)
from espbench.check.families.websocket.conversation import Conversation
from espbench.check.subject import Subject
from espbench.clients import Frame
from espbench.clients.websocket import BINARY, PING, PONG, TEXT

LENGTHS = ((0, 0), (125, 0), (126, 0), (127, 0), (128, 0), (65535, 0), (65536, 0), (65536, 997))
"""Length of a message and size of the pieces in which it is sent (bytes)."""
FRAMING = {
    f"1.{kind}.{number}": (opcode, byte * length, chop)
    for kind, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe"))
    for number, (length, chop) in enumerate(LENGTHS, 1)
}


@check("websocket.framing", "RFC 6455, section 5.2", needs="echo", cases=FRAMING, estimate=4)
def framing(subject: Subject, case: tuple[int, bytes, int]) -> Observation | None:
    """Messages come back whole, whatever their length, and however they are cut."""
    opcode, payload, chop = case
    message = payload.decode() if opcode == TEXT else payload
    return answers(subject, one(opcode, payload, chop), [message])


UNASKED = Frame(PONG, b"unsolicited pong payload")
TEN = tuple(b"payload-%d" % number for number in range(10))
PINGS: dict[str, tuple[Sent, tuple[bytes, ...]]] = {
    "2.1": (one(PING), (b"",)),
    "2.2": (one(PING, b"Hello, world!"), (b"Hello, world!",)),
    "2.3": (one(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), (b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff",)),
    "2.4": (one(PING, b"\xfe" * 125), (b"\xfe" * 125,)),
    "2.5": (one(PING, b"\xfe" * 126), ()),
    "2.6": (one(PING, b"\xfe" * 125, 1), (b"\xfe" * 125,)),
    "2.7": (one(PONG), ()),
    "2.8": (Sent((UNASKED,)), ()),
    "2.9": (Sent((UNASKED, Frame(PING, b"ping payload"))), (b"ping payload",)),
    "2.10": (Sent(tuple(Frame(PING, each) for each in TEN)), TEN),
    "2.11": (Sent(tuple(Frame(PING, each) for each in TEN), 1), TEN),
}


@check(
    "websocket.pings",
    "RFC 6455, sections 5.5, 5.5.2 and 5.5.3",
    needs="websocket",
    cases={number: (number, *case) for number, case in PINGS.items()},
    estimate=3,
)
def pings(subject: Subject, case: tuple[str, Sent, tuple[bytes, ...]]) -> Observation | None:
    """Each ping gets a pong with its payload; an unsolicited pong gets no answer."""
    number, sent, pongs = case
    if number == "2.5":
        with Conversation(subject) as talk:
            sent.to(talk)
            return await_failure(talk, "A ping of 126 bytes")
    if not pongs:  # another ping shows that the server goes on, and that nothing came before
        last = Frame(PING, b"last")
        sent, pongs = Sent((*sent.frames, last)), (b"last",)
    return answers(subject, sent, pongs=pongs)


SIZE = 1300
AUTO_FRAGMENTED = b"*" * 65536


@check(
    "websocket.auto_fragment",
    "RFC 6455, section 5.4",
    needs="echo",
    plain=True,
    cases={"10.1.1": SIZE},
    estimate=1,
)
def auto_fragment(subject: Subject, size: int) -> Observation | None:
    """A message of 65536 bytes in frames of 1300 bytes comes back whole."""
    starts = range(0, len(AUTO_FRAGMENTED), size)
    frames = frames_of(TEXT, *(AUTO_FRAGMENTED[start : start + size] for start in starts))
    return answers(subject, Sent(frames), [AUTO_FRAGMENTED.decode()])
