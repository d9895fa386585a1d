# SPDX-License-Identifier: MIT
"""The checks of the family websocket: a correct server passes each, a wrong one the right ones."""

from __future__ import annotations

import contextlib

import pytest
from espbench.check.errors import CheckFailed, NotApplicable
from espbench.check.families import all_checks
from espbench.check.server import Server, WebSocketPath
from espbench.check.subject import Subject
from fake_device import check_named, fault_of, listening, subject_of
from fake_websocket import FakeWebSocket

CHECKS = [each.name for each in all_checks() if each.family == "websocket"]
ECHO = WebSocketPath("/ws", echo=True)


def ask(name: str, *faults: str, echo: bool = True) -> str:
    """Return what a check says about a server with these faults; see `fault_of`."""
    with listening(FakeWebSocket(*faults).serve) as port:
        return fault_of(subject_of(port, websocket=WebSocketPath("/ws", echo)), name)


def test_the_numbers_are_the_suites() -> None:
    """There are the 247 cases of Autobahn's groups 1 to 7 and 10."""
    numbers = [
        case
        for each in all_checks()
        if each.family == "websocket"
        for case in each.cases
        if case.replace(".", "").isdigit() and "." in case
    ]
    assert len(numbers) == len(set(numbers)) == 247
    assert {number.split(".")[0] for number in numbers} == {"1", "2", "3", "4", "5", "6", "7", "10"}


@pytest.mark.parametrize("name", CHECKS)
def test_a_correct_server(name: str) -> None:
    """A correct server passes each check, in each of its cases."""
    with listening(FakeWebSocket().serve) as port:
        check = check_named(name)
        subject = subject_of(port, websocket=ECHO)
        for case in check.cases or {"": None}:
            check.run(subject, case)


@pytest.mark.parametrize("name", ["websocket.pings", "websocket.opcodes", "websocket.utf8"])
def test_a_path_that_does_not_echo(name: str) -> None:
    """Without an echo, cases that need none are tried, and the others say why they are not."""
    with listening(FakeWebSocket("first fragment").serve) as port:
        subject = subject_of(port, websocket=WebSocketPath("/ws"))
        check = check_named(name)
        skipped = 0
        for case in check.cases:
            with contextlib.suppress(NotApplicable):
                check.run(subject, case)
                continue
            skipped += 1
        assert skipped == {"websocket.pings": 0, "websocket.opcodes": 0}.get(name, 70)


FAULTS = [
    ("websocket.framing:1.1.4", "cuts long messages", "", "but got a message of 126"),
    ("websocket.framing:1.1.6", "small only", "", "[A message of 65535 bytes got a close frame"),
    ("websocket.framing:1.1.6", "small only", "no codes", "[A message of 65535 bytes got a close"),
    ("websocket.framing:1.1.2", "no echo", "", "but got only the pong of a later ping"),
    ("websocket.framing:1.1.2", "no echo", "no pongs", "but got nothing within 6 s"),
    ("websocket.pings:2.2", "no pongs", "", "expected the pong 'Hello, world!', but"),
    ("websocket.pings:2.4", "short pongs", "", "but got the pong '"),
    ("websocket.pings:2.5", "long control", "", "sent back an invalid frame (a control frame"),
    ("websocket.pings:2.1", "masks", "", "but got an invalid frame (a masked frame)"),
    ("websocket.reserved_bits:3.1", "any bits", "", "accepted a text frame with RSV 1"),
    ("websocket.reserved_bits:3.6", "any bits", "", "and sent back the message 'Hello"),
    ("websocket.opcodes:4.1.1", "any opcode", "", "and answered the next ping"),
    ("websocket.opcodes:4.2.5", "any opcode", "", "ignored a frame with the reserved opcode 15"),
    ("websocket.opcodes:4.1.2", "any opcode", "unread pings", "ignored a frame with the"),
    ("websocket.pings:2.2", "unread pings", "", "'Hello, world!', but got an empty pong"),
    ("websocket.masking:text", "takes unmasked frames", "", "accepted an unmasked text frame"),
    ("websocket.masking:ping", "takes unmasked frames", "", "ignored an unmasked ping frame"),
    ("websocket.huge_frames:2**32 + 4", "32-bit lengths", "", "a ping inside its data"),
    ("websocket.huge_frames:2**63", "waits for anything", "", "most significant bit MUST be 0"),
    ("websocket.huge_frames:1 MB", "waits for anything", "", "[The server waits for the data of"),
    ("websocket.shortest_length:64 bits", "no pongs", "long control", "got no answer"),
    ("websocket.fragmentation:5.1", "fragmented control", "any order", "a ping in two fragments"),
    (
        "websocket.fragmentation:5.3",
        "first fragment",
        "",
        "expected the message 'fragment1fragment2'",
    ),
    ("websocket.fragmentation:5.9", "any order", "", "without a message to continue"),
    ("websocket.fragmentation:5.18", "any order", "", "a text frame inside a fragmented"),
    ("websocket.fragmentation:5.19", "no pongs", "", "expected the pong 'pongme 1!'"),
    ("websocket.utf8:6.3.1", "any text", "", "an invalid frame (text that is not UTF-8)"),
    ("websocket.utf8:6.4.1", "late UTF-8", "", "[The server rejects text that is not UTF-8 only"),
    ("websocket.utf8:6.4.4", "any text", "", "an invalid frame (text that is not UTF-8)"),
    ("websocket.utf8:6.3.1", "1002 for text", "", "[Text that is not UTF-8"),
    ("websocket.close:7.3.3", "no close frame", "", "instead of a close frame"),
    ("websocket.close:7.3.3", "ignores close", "", "got no answer"),
    ("websocket.close:7.3.3", "keeps TCP open", "", "The TCP connection is still open"),
    ("websocket.close:7.3.3", "other code", "", "code 1001 instead of close code 1000"),
    ("websocket.close:7.9.7", "any close", "", "(a close code that is reserved)"),
    ("websocket.close:7.1.4", "goes on", "", "The TCP connection is still open"),
    ("websocket.auto_fragment", "first fragment", "", "but got a message of"),
    ("websocket.upgrade:key of the RFC", "wrong accept", "", "for the key"),
    ("websocket.upgrade:usual", "no Connection", "", "to contain 'Connection: Upgrade'"),
    ("websocket.upgrade:usual", "agrees to extensions", "", "which the client did not offer"),
    ("websocket.upgrade:usual", "agrees to protocols", "", "which the client did not offer"),
    ("websocket.upgrade:list in two lines", "last line wins", "", ""),
    ("websocket.invalid_upgrade:no key", "any upgrade", "", "was accepted (101)"),
    ("websocket.invalid_upgrade:no key", "hangs without a key", "", "was not answered"),
    ("websocket.invalid_upgrade:POST", "only GET", "", "An upgrade with POST was accepted"),
    ("websocket.key:short", "any upgrade", "", "[The server accepts the key 'c2hvcnQ='"),
    ("websocket.key:short", "any upgrade", "wrong accept", "with a wrong Sec-WebSocket-Accept"),
    ("websocket.version:14", "any upgrade", "", "'14' was accepted"),
    ("websocket.version:8", "bare 426", "", "without 'Sec-WebSocket-Version: 13'"),
    ("websocket.origin", "", "", "[A page of any site can open it"),
    ("websocket.origin", "same origin", "", ""),
    ("websocket.plain_get", "bare 426", "", "lacks 'Upgrade: websocket'"),
    ("websocket.every_server", "no echo", "", "expected the message 'espbench', but"),
    ("websocket.burst", "loses messages", "", "'message 7', but got the message"),
    ("websocket.at_once", "mixes clients up", "", "expected the message"),
    ("websocket.aborted:reset before the 101", "one at a time", "keeps places", "had reset their"),
    ("websocket.aborted:close idle", "one at a time", "keeps places", "no WebSocket opened within"),
    ("websocket.stalled:in a payload", "one at a time", "", "While one client stops in a payload"),
    ("websocket.unread", "one at a time", "", "does not read, no GET is answered"),
    ("websocket.places", "no pongs", "", "still answers pings"),
    ("websocket.places", "unread pings", "", ""),
    ("websocket.aborted:close idle", "unread pings", "", ""),
    ("websocket.stalled:in a payload", "unread pings", "", ""),
]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("name", "fault", "other", "sentence"), FAULTS)
def test_a_fault(name: str, fault: str, other: str, sentence: str) -> None:
    """A server with a fault fails the check for it, with a sentence about it."""
    said = ask(name, *(each for each in (fault, other) if each))
    assert sentence in said
    assert bool(sentence) == bool(said)


def test_every_server() -> None:
    """A path that echoes without TLS, but not with it, is a finding."""
    plain = Server(80, http=True, websockets=(ECHO,))
    silent = WebSocketPath("/ws")
    secure = Server(443, tls=True, http=True, websockets=(silent,))
    subject = subject_of(1)
    check = check_named("websocket.every_server")
    with pytest.raises(CheckFailed, match="/ws upgrades, but does not send messages back, as"):
        check.run(Subject(subject.device, (plain, secure), secure, silent))
    assert ask("websocket.every_server") == ""


def test_each_check_can_fail() -> None:
    """Each check of the family fails on at least one fault, unless it only observes."""
    tried = {
        name.partition(":")[0] for name, *_, sentence in FAULTS if sentence[:1] not in ("", "[")
    }
    observes = {"websocket.origin"}
    assert set(CHECKS) - observes <= tried
