# SPDX-License-Identifier: MIT
"""The closing handshake: cases 7 of the Autobahn suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.websocket.cases import END, await_answers
from espbench.check.families.websocket.conversation import (
    NO_CODE,
    PATIENCE,
    Conversation,
    Got,
)
from espbench.check.subject import Subject
from espbench.clients import Frame
from espbench.clients.websocket import CLOSE, CONTINUATION, PING, TEXT, close_payload
from espbench.util.listing import listing
from espbench.util.timeouts import Deadline

NORMAL, PROTOCOL, PAYLOAD = 1000, 1002, 1007
GOOD = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
BAD = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
UNDEFINED = (5000, 65535)
WORLD = b"Hello World!"
TEXT_256K = (b"BAsd7&jh23" * 26215)[: 256 * 1024]


@dataclass(frozen=True)
class Case:
    """What is sent, and what has to come.

    Attributes:
        frames: what is sent.
        codes: close codes that fit; one that is missing fits, too.
        valid: whether the close frame is valid, so that a close frame has to come back.
        judged: whether anything is wrong at all.
    """

    frames: tuple[Frame, ...]
    codes: tuple[int, ...] = (NORMAL,)
    valid: bool = True
    judged: bool = True


def _closes(payload: bytes, *codes: int, valid: bool = True, judged: bool = True) -> Case:
    return Case((Frame(CLOSE, payload),), codes or (NORMAL,), valid, judged)


CLOSE_1000 = Frame(CLOSE, close_payload(NORMAL))
NOT_UTF8 = "κ\u1f79σμε".encode() + b"\xed\xa0\x80edited"
CASES: dict[str, Case] = {
    "7.1.1": Case((CLOSE_1000,)),
    "7.1.2": Case((CLOSE_1000, Frame(CLOSE))),
    "7.1.3": Case((CLOSE_1000, Frame(PING))),
    "7.1.4": Case((CLOSE_1000, Frame(TEXT, WORLD))),
    "7.1.5": Case(
        (Frame(TEXT, b"fragment1", fin=False), CLOSE_1000, Frame(CONTINUATION, b"fragment2"))
    ),
    "7.1.6": Case(
        (Frame(TEXT, TEXT_256K), Frame(TEXT, WORLD), CLOSE_1000, Frame(PING)), judged=False
    ),
    "7.3.1": _closes(b""),
    "7.3.2": _closes(b"a", PROTOCOL, valid=False),
    "7.3.3": _closes(close_payload(NORMAL)),
    "7.3.4": _closes(close_payload(NORMAL, "Hello World!")),
    "7.3.5": _closes(close_payload(NORMAL, "*" * 123)),
    "7.3.6": _closes(close_payload(NORMAL, "*" * 124), PROTOCOL, valid=False),
    "7.5.1": _closes(close_payload(NORMAL) + NOT_UTF8, PROTOCOL, PAYLOAD, valid=False),
    **{
        f"7.7.{number}": _closes(close_payload(code), NORMAL, code)
        for number, code in enumerate(GOOD, 1)
    },
    **{
        f"7.9.{number}": _closes(close_payload(code), PROTOCOL, valid=False)
        for number, code in enumerate(BAD, 1)
    },
    **{
        f"7.13.{number}": _closes(close_payload(code), judged=False)
        for number, code in enumerate(UNDEFINED, 1)
    },
}


@check(
    "websocket.close",
    "RFC 6455, sections 5.5.1, 7.1.1 and 7.4",
    needs="websocket",
    plain=True,
    cases={number: (number, case) for number, case in CASES.items()},
    estimate=5,
)
def close(subject: Subject, case: tuple[str, Case]) -> Observation | None:
    """A close frame is answered with one, the TCP connection ends, and nothing follows."""
    number, it = case
    with Conversation(subject) as talk:
        if number == "7.1.1":
            if not (subject.websocket and subject.websocket.echo):
                raise NotApplicable("The path does not echo.")
            talk.send_frames(Frame(TEXT, WORLD))
            await_answers(talk, [WORLD.decode()], [])
        talk.send_frames(*it.frames)
        came = _until_end(talk)
        if not it.judged:
            return Observation(f"Case {number} got {listing(map(str, came)) or 'no answer'}.")
        return _judge(talk, it, came)


def _until_end(talk: Conversation) -> Sequence[Got]:
    """Return what comes until a close frame or the end."""
    came: list[Got] = []
    deadline = Deadline(PATIENCE)
    while not talk.over and (got := talk.next(deadline)) is not None:
        came.append(got)
    return came


def _judge(talk: Conversation, it: Case, came: Sequence[Got]) -> Observation | None:
    sent = next(frame for frame in it.frames if frame.opcode == CLOSE).payload
    what = f"A close frame with {_shown(sent)}"
    expect(
        talk.over,
        f"{what} got no answer, and the connection stayed open for {PATIENCE:g} s.",
    )
    last = came[-1]
    late = {WORLD.decode(), "fragment1fragment2"} & {str(each.data) for each in came}
    expect(
        not late and not any(each.kind == "pong" and each.data == b"" for each in came),
        f"What follows a close frame is still answered: the client got {listing(map(str, came))}.",
    )
    expect(last.kind != "invalid", f"{what} got {last}.")
    if last.kind == "end":
        expect(
            not it.valid,
            f"{what} got {last} instead of a close frame (section 5.5.1: MUST).",
        )
        return None
    expect(
        last.code in (*it.codes, NO_CODE),
        f"{what} got {last} instead of close code {listing(map(str, it.codes), 'or')}.",
    )
    expect(
        talk.gone(END),
        f"The TCP connection is still open {END:g} s after the close frames: the server MUST close "
        "it immediately (section 5.5.1).",
    )
    return None


def _shown(payload: bytes) -> str:
    if len(payload) < 2:
        return "one byte" if payload else "no code"
    code = int.from_bytes(payload[:2], "big")
    return f"code {code}" + (f" and a reason of {len(payload) - 2} bytes" if payload[2:] else "")
