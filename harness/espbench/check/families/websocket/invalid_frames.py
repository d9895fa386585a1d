# SPDX-License-Identifier: MIT
"""Frames that no client may send: reserved bits and opcodes (cases 3 and 4), masks, lengths."""

from __future__ import annotations

from espbench.check.check import Observation, check, expect
from espbench.check.families.websocket.cases import Sent, fails
from espbench.check.families.websocket.conversation import PATIENCE, Conversation
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import Frame
from espbench.clients.websocket import BINARY, CLOSE, PING, PONG, TEXT, close_payload
from espbench.util.listing import uncapitalized

HELLO = b"Hello, world!"
BYTES = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"


def _behind_hello(bad: Frame, chop: int = 0, *, apart: bool = False) -> Sent:
    """Return a good message, a bad frame, and a ping that must not be answered."""
    return Sent((Frame(TEXT, HELLO), bad, Frame(PING)), chop, apart)


RESERVED_BITS: dict[str, tuple[str, Sent, tuple[str | bytes, ...]]] = {
    "3.1": ("A text frame with RSV 1", Sent((Frame(TEXT, HELLO, rsv=1),)), (HELLO.decode(),)),
    "3.2": ("A text frame with RSV 2", _behind_hello(Frame(TEXT, HELLO, rsv=2)), ()),
    "3.3": ("A text frame with RSV 3", _behind_hello(Frame(TEXT, HELLO, rsv=3), apart=True), ()),
    "3.4": ("A text frame with RSV 4", _behind_hello(Frame(TEXT, HELLO, rsv=4), 1), ()),
    "3.5": ("A binary frame with RSV 5", Sent((Frame(BINARY, BYTES, rsv=5),)), (BYTES,)),
    "3.6": ("A binary frame with RSV 6", Sent((Frame(BINARY, HELLO, rsv=6),)), (HELLO,)),
    "3.7": ("A close frame with RSV 7", Sent((Frame(CLOSE, rsv=7),)), ()),
}


@check(
    "websocket.reserved_bits",
    "RFC 6455, section 5.2",
    needs="websocket",
    plain=True,
    cases=RESERVED_BITS,
    estimate=2,
)
def reserved_bits(
    subject: Subject, case: tuple[str, Sent, tuple[str | bytes, ...]]
) -> Observation | None:
    """A frame with a reserved bit that no extension defines fails the connection."""
    what, sent, never = case
    return fails(subject, sent, what, never=never)


RESERVED = b"reserved opcode payload"
OPCODES: dict[str, tuple[int, Sent]] = {
    f"4.{group}.{number}": (opcode, sent)
    for group, first in ((1, 3), (2, 11))
    for number, (opcode, sent) in enumerate(
        (
            (first, Sent((Frame(first),))),
            (first + 1, Sent((Frame(first + 1, RESERVED),))),
            (first + 2, _behind_hello(Frame(first + 2))),
            (first + 3, _behind_hello(Frame(first + 3, HELLO))),
            (first + 4, _behind_hello(Frame(first + 4, HELLO), 1)),
        ),
        1,
    )
}


@check(
    "websocket.opcodes",
    "RFC 6455, section 5.2",
    needs="websocket",
    plain=True,
    cases=OPCODES,
    estimate=2,
)
def opcodes(subject: Subject, case: tuple[int, Sent]) -> Observation | None:
    """A frame with a reserved opcode fails the connection."""
    opcode, sent = case
    return fails(
        subject,
        sent,
        f"A frame with the reserved opcode {opcode}",
        never=(RESERVED, RESERVED.decode()),
    )


UNMASKED: dict[str, Frame] = {
    "text": Frame(TEXT, b"unmasked", masked=False),
    "binary": Frame(BINARY, b"unmasked", masked=False),
    "ping": Frame(PING, b"unmasked", masked=False),
    "pong": Frame(PONG, b"unmasked", masked=False),
    "close": Frame(CLOSE, close_payload(1000), masked=False),
    "empty text": Frame(TEXT, masked=False),
}


@check(
    "websocket.masking",
    "RFC 6455, section 5.1",
    needs="websocket",
    plain=True,
    cases={name: (name, frame) for name, frame in UNMASKED.items()},
    estimate=2,
)
def masking(subject: Subject, case: tuple[str, Frame]) -> Observation | None:
    """A frame that is not masked fails the connection."""
    name, frame = case
    if name == "close":
        with Conversation(subject) as talk:
            talk.send_frames(frame)
            got = talk.next()
            while got is not None and got.kind in ("message", "pong"):
                got = talk.next()
            expect(got is not None, "An unmasked close frame does not end the connection.")
            if got is not None and got.kind == "close" and got.code == 1000:
                return Observation(f"An unmasked close frame got {got}.")
        return None
    return fails(
        subject, Sent((frame,)), f"An unmasked {name} frame", never=("unmasked", b"unmasked")
    )


INNER = b"inside"
LENGTHS: dict[str, int] = {
    "2**31": 1 << 31,
    "2**32 - 1": (1 << 32) - 1,
    "2**32": 1 << 32,
    "2**32 + 4": (1 << 32) + 4,
    "2**63 - 1": (1 << 63) - 1,
    "2**63": 1 << 63,
    "2**64 - 1": (1 << 64) - 1,
    "1 MB": 1 << 20,
}


@check(
    "websocket.huge_frames",
    "RFC 6455, sections 5.2 and 10.4",
    Severity.ROBUSTNESS,
    needs="websocket",
    plain=True,
    cases=LENGTHS,
    estimate=4,
)
def huge_frames(subject: Subject, length: int) -> Observation | None:
    """A frame that claims a huge length is refused or awaited; its data is not read as frames."""
    with Conversation(subject) as talk:
        claim = Frame(BINARY, length=length, length_bytes=8)
        # Four bytes for whoever takes 2**32 + 4 for 4; then what looks like pings.
        talk.send(claim.encode() + b"body" + Frame(PING, INNER).encode() * 2)
        got = talk.next(PATIENCE / 6)
        while got is not None and got.kind == "message":
            got = talk.next(PATIENCE / 6)
        talk.over = True  # a close frame would be data
        what = f"A frame that claims {length:,} bytes"
        expect(
            got is None or got.kind != "pong",
            f"{what} was read as a short one: a ping inside its data was answered.",
            Severity.SECURITY,
        )
        if got is None:
            expect(
                length < 1 << 63,
                f"The server waits for the data of {uncapitalized(what)}, a length whose most "
                "significant bit MUST be 0.",
                Severity.CONFORMANCE,
            )
            return Observation(f"The server waits for the data of {uncapitalized(what)}.")
    return None


@check(
    "websocket.shortest_length",
    "RFC 6455, section 5.2",
    needs="websocket",
    plain=True,
    cases={"16 bits": 2, "64 bits": 8},
    estimate=1,
)
def shortest_length(subject: Subject, size: int) -> Observation | None:
    """A length that is not in its shortest form is refused or read correctly."""
    with Conversation(subject) as talk:
        talk.send_frames(Frame(PING, INNER, length_bytes=size))
        got = talk.next()
        while got is not None and got.kind == "message":
            got = talk.next()
    expect(
        got is not None,
        f"A ping whose length of {len(INNER)} is written in {8 * size} bits got no answer, and the "
        "connection stayed open.",
    )
    if got is not None and got.kind in ("pong", "invalid"):
        what = f"a length of {len(INNER)} that is written in {8 * size} bits"
        expect(got.data == INNER, f"A ping with {what} got {got}.")
        return Observation(f"The server accepts {what}.")
    return None
