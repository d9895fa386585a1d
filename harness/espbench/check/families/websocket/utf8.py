# SPDX-License-Identifier: MIT
"""Text that is or is not UTF-8: cases 6 of the Autobahn suite.

The sequences of 6.5 to 6.23 are those of Markus Kuhn's UTF-8 decoder stress test. Whether one is
valid, Python's decoder says.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from espbench.check.check import Observation, check, expect
from espbench.check.families.websocket.cases import (
    Sent,
    answers,
    await_answers,
    await_failure,
    fails,
    frames_of,
)
from espbench.check.families.websocket.conversation import Conversation
from espbench.check.subject import Subject
from espbench.clients import Frame
from espbench.clients.websocket import PING, TEXT
from espbench.util.listing import uncapitalized
from espbench.util.timeouts import timeout_scale

KOSME = "κ\u1f79σμε".encode()
EDITED = b"edited"
HELLO = "Hello-µ@ßöäüàá-UTF-8!!".encode()
MIDDLE = b"middle frame payload"


def _hex(*texts: str) -> list[bytes]:
    return [bytes.fromhex(each) for each in texts]


def _missing_last() -> list[bytes]:
    """Return sequences of 2 to 6 bytes, lowest and highest, whose last byte is missing."""
    lowest = _hex("c0", "e080", "f08080", "f8808080", "fc80808080")
    return [*lowest, *_hex("df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf")]


def _non_characters() -> list[bytes]:
    """Return the last two code points of each plane."""
    points = [plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF)]
    return [chr(point).encode() for point in points]


SEQUENCES: dict[int, Sequence[bytes]] = {
    5: [b"hello$world", *(f"hello{c}world".encode() for c in "¢€\U00024b62"), KOSME],
    6: [KOSME[:size] for size in range(1, len(KOSME) + 1)],
    7: _hex("00", "c280", "e0a080", "f0908080"),
    8: _hex("f888808080", "fc8480808080"),
    9: _hex("7f", "dfbf", "efbfbf", "f48fbfbf"),
    10: _hex("f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"),
    11: _hex("ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"),
    12: [
        *_hex("80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf"),
        bytes(range(0x80, 0xBF)),
    ],
    13: [
        b"".join(bytes((start, 0x20)) for start in range(first, last))
        for first, last in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
    ],
    14: _missing_last(),
    15: [b"".join(_missing_last())],
    16: _hex("fe", "ff", "fefeffff"),
    17: _hex("c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"),
    18: _hex("c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"),
    19: _hex("c080", "e08080", "f0808080", "f880808080", "fc8080808080"),
    20: _hex("eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"),
    21: [
        high + low
        for high in _hex("eda080", "edadbf", "edae80", "edafbf")
        for low in _hex("edb080", "edbfbf")
    ],
    22: _non_characters(),
    23: [chr(point).encode() for point in (*range(0xFFF9, 0x10000),)],
}
"""By the number behind the "6."."""


def _octets(payload: bytes) -> tuple[Frame, ...]:
    return frames_of(TEXT, *(payload[at : at + 1] for at in range(len(payload))))


BROKEN = KOSME + bytes.fromhex("eda080") + EDITED
"""A surrogate in it."""
ABOVE = KOSME + bytes.fromhex("f4908080") + EDITED
"""U+110000 in it, which its second byte shows."""
WHOLE_CASES: dict[str, tuple[Frame, ...]] = {
    "6.1.1": frames_of(TEXT, b""),
    "6.1.2": frames_of(TEXT, b"", b"", b""),
    "6.1.3": frames_of(TEXT, b"", MIDDLE, b""),
    "6.2.1": frames_of(TEXT, HELLO),
    "6.2.2": frames_of(TEXT, HELLO[:14], HELLO[14:]),
    "6.2.3": _octets(HELLO),
    "6.2.4": _octets(KOSME),
    "6.3.1": frames_of(TEXT, BROKEN),
    "6.3.2": _octets(BROKEN),
    **{
        f"6.{group}.{number}": frames_of(TEXT, payload)
        for group, payloads in SEQUENCES.items()
        for number, payload in enumerate(payloads, 1)
    },
}
EARLY: dict[str, tuple[Sequence[bytes], bool]] = {
    # the parts, and whether they are frames of their own (or pieces of one frame)
    "6.4.1": ((ABOVE[:11], ABOVE[11:15], ABOVE[15:]), True),
    "6.4.2": ((ABOVE[:12], ABOVE[12:13], ABOVE[13:]), True),
    "6.4.3": ((ABOVE[:11], ABOVE[11:15], ABOVE[15:]), False),
    "6.4.4": ((ABOVE[:12], ABOVE[12:13], ABOVE[13:]), False),
}
SOON = 1.0
"""Seconds (before scaling) for a server to fail the connection before the message is complete."""


def _numbered(cases: Iterable[str]) -> list[str]:
    return sorted(cases, key=lambda name: [int(part) for part in name.split(".")])


ALL = {name: name for name in _numbered((*WHOLE_CASES, *EARLY))}


@check(
    "websocket.utf8",
    "RFC 6455, section 8.1",
    needs="websocket",
    plain=True,
    cases=ALL,
    estimate=15,
)
def utf8(subject: Subject, number: str) -> Observation | None:
    """Text in UTF-8 comes back, and other text fails the connection."""
    if number in EARLY:
        return _early(subject, *EARLY[number])
    frames = WHOLE_CASES[number]
    payload = b"".join(frame.payload for frame in frames)
    try:
        message = payload.decode()
    except UnicodeDecodeError:
        what = (
            f"Text that is not UTF-8 ({payload[:12].hex(' ')}{' ...' if len(payload) > 12 else ''})"
        )
        never = (payload.decode("latin-1"), payload.decode(errors="replace"))
        return fails(subject, Sent(frames), what, (1007,), never)
    return answers(subject, Sent(frames), [message])


def _early(subject: Subject, parts: Sequence[bytes], frames: bool) -> Observation | None:
    """Send text in three parts, the second of which is invalid; see when the server fails it."""
    what = "Text in three parts that is not UTF-8"
    with Conversation(subject) as talk:
        if frames:
            pieces = [frame.encode() for frame in frames_of(TEXT, *parts)]
            talk.send(pieces[0] + Frame(PING, b"first").encode())
            await_answers(talk, [], [b"first"])
        else:
            whole = Frame(TEXT, b"".join(parts)).encode()
            at = len(whole) - len(parts[2])
            first = at - len(parts[1])
            pieces = [whole[:first], whole[first:at], whole[at:]]
            talk.send(pieces[0])
            threading.Event().wait(0.2 * timeout_scale())  # the valid part alone
        talk.send(pieces[1])
        got = talk.next(SOON)
        while got is not None and got.kind == "message":
            got = talk.next(SOON)
        if got is None:
            talk.send(pieces[2])
            seen = await_failure(talk, what, (1007,), (ABOVE.decode(errors="replace"),))
            late = "The server rejects text that is not UTF-8 only when the message is complete."
            return seen or Observation(late)
        expect(
            got.kind not in ("invalid", "pong"),
            f"The server accepted {uncapitalized(what)}, and sent back {got}.",
        )
        if got.kind == "close":
            expect(got.code in (1007,), f"{what} got {got} instead of close code 1007.")
    return None
