# SPDX-License-Identifier: MIT
"""The console and the control channel over a socket pair, with the test as the guest."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from espbench.boards.board import LONGEST_REQUEST
from espbench.device.console.console import Console, Transcript
from espbench.device.console.control import Control, encode, encode_source
from espbench.device.timeline import Timeline
from espbench.errors import ConsoleTimeout, ControlError, ControlTimeout, NotRunning
from espbench.util.timeouts import Deadline


class Wire:
    """A console whose guest the test plays."""

    def __init__(self, *, two_uarts: bool = False) -> None:
        """Connect both ends, with a second line for control records if `two_uarts`."""
        ours, self.guest = socket.socketpair()
        self.guest.settimeout(5)
        control, self.other = socket.socketpair() if two_uarts else (None, self.guest)
        self.other.settimeout(5)
        self.fault: Exception | None = None
        self.records: list[dict[str, Any]] = []
        self.seen = ""
        """The console's text when the last event arrived."""
        self.timeline = Timeline()
        self.tapped = b""
        self.console = Console(
            self.timeline,
            on_record=self.take,
            on_text=lambda _: None,
            faulty=lambda: self.fault is not None,
            fault=lambda: self.fault,
            tap=self.tap,
        )
        self.control = Control(self.console)
        self.console.attach(ours, control)

    def take(self, record: dict[str, Any]) -> None:
        """Handle a record, as a device does."""
        if not self.control.take(record):
            self.records.append(record)
            self.seen = self.console.text

    def tap(self, data: bytes) -> None:
        """Collect the guest's output."""
        self.tapped += data

    def answer(self, **answer: Any) -> None:
        """Answer the next request, in a thread."""

        def run() -> None:
            self.answer_now(self.request()[0], **answer)

        threading.Thread(target=run, daemon=True).start()

    def answer_now(self, number: int, **answer: Any) -> None:
        """Answer a request."""
        self.other.sendall(b"\x1e" + json.dumps({"id": number, **answer}).encode() + b"\n")

    def request(self) -> tuple[int, list[str]]:
        """Read one request."""
        data = b""
        while not data.endswith(b"\n"):
            data += self.other.recv(65536)
        assert data[0] == 0x1E
        number, *words = data[1:].decode().split()
        return int(number), words


def connected(**options: bool) -> Iterator[Wire]:
    """Yield a console and the other ends of its lines."""
    wire = Wire(**options)
    yield wire
    wire.guest.close()
    wire.other.close()
    wire.console.detach()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Return a console and the other end of its line."""
    yield from connected()


@pytest.fixture
def two() -> Iterator[Wire]:
    """Return a console with a separate UART for control records."""
    yield from connected(two_uarts=True)


def test_expect_consumes(wire: Wire) -> None:
    """Each expect searches after the last match, wherever the bytes were split."""
    for piece in (b"one\r", b"\ntw", b"o\r\none\r\n"):
        wire.guest.sendall(piece)
    assert wire.console.expect(r"^o(ne)$")[1] == "ne"
    assert wire.console.expect("two").group() == "two"
    assert wire.console.expect("^one$").start() == 8
    with pytest.raises(ConsoleTimeout) as caught:
        wire.console.expect("one", timeout=0.01)
    assert str(caught.value) == (
        "The console did not show 'one' within 0.01 s; it ended with:\none\ntwo\none"
    )


def test_expect_waits(wire: Wire) -> None:
    """Text that arrives later ends the wait."""
    threading.Timer(0.05, wire.guest.sendall, [b"late"]).start()
    assert wire.console.expect("late").group() == "late"


def test_tap(wire: Wire) -> None:
    """The tap of a line shared with records gets only the text."""
    wire.guest.sendall(b'a\r\n\x1e{"event":"boot"}\nb\r\n')
    wire.console.expect("^b$")
    assert wire.tapped == b"a\nb\n"


def test_tap_of_two_uarts(two: Wire) -> None:
    """With a separate UART for records, the tap gets every byte of the console."""
    two.guest.sendall(b"a\r\n\xff\x1e\r\nb\n")
    two.console.expect("b$")
    assert two.tapped == b"a\r\n\xff\x1e\r\nb\n"


def test_quiet(wire: Wire) -> None:
    """A guest that is silent for a while is quiet; one that keeps printing is not in time."""
    assert wire.console.wait_quiet(0.01, Deadline(5, scale=1))
    stop = threading.Event()

    def talk() -> None:
        while not stop.wait(0.001):
            wire.guest.sendall(b".")

    talking = threading.Thread(target=talk)
    talking.start()
    wire.console.expect(r"\.")
    assert not wire.console.wait_quiet(5, Deadline(0.3, scale=1))
    stop.set()
    talking.join()
    assert wire.console.wait_quiet(0.01, Deadline(5, scale=1))


def test_fault_ends_a_wait(wire: Wire) -> None:
    """A fault of the device ends a wait at once, but text that has arrived still matches."""
    wire.guest.sendall(b"last words")
    wire.console.expect("last")
    wire.fault = ControlError("the cause")
    assert wire.console.expect("words")
    with pytest.raises(ControlError, match=r"^the cause$"):
        wire.console.expect("more", timeout=60)


def test_end_of_stream(wire: Wire) -> None:
    """When QEMU closes the line, waits end and sending raises the cause."""
    wire.fault = None
    wire.guest.sendall(b"\xe2")
    wire.guest.close()
    with pytest.raises(ConsoleTimeout):
        wire.console.expect("more", timeout=60)
    assert wire.console.closed
    assert wire.console.text == "\ufffd"
    with pytest.raises(NotRunning, match=r"^QEMU closed the console \(Broken pipe\)\.$"):
        wire.console.send("x")


def test_guest_that_does_not_read(wire: Wire) -> None:
    """A guest that does not read its UART causes an error, not a hang."""
    with pytest.raises(ConsoleTimeout, match=r"^The guest did not read \d+ bytes from its UART"):
        wire.console.send(b"x" * 10_000_000, timeout=0.05)


def test_repl(wire: Wire) -> None:
    """A line at the prompt returns its output, without echo and prompt."""

    def guest() -> None:
        assert wire.guest.recv(100) == b"print(1); 2\r"
        wire.guest.sendall(b"print(1); 2\r\n1\r\n2\r\n>>> ")

    wire.guest.sendall(b">>> ")
    wire.console.expect(">>> ")
    thread = threading.Thread(target=guest)
    thread.start()
    assert wire.console.repl("print(1); 2") == "1\n2"
    thread.join()


def test_answer(wire: Wire) -> None:
    """An answer's value is returned; text and events are kept separate."""
    wire.guest.sendall(b'text\x1e{"event":"net"}\nmore')
    wire.answer(ok=True, value={"free": 5})
    assert wire.control.request("heap") == {"free": 5}
    assert wire.console.text == "textmore"
    assert wire.records == [{"event": "net"}]


def test_two_uarts(two: Wire) -> None:
    """Requests and records use the control UART, text and keys the console's."""
    two.other.sendall(b'\x1e{"event":"boot"}\n')
    two.guest.sendall(b"text")
    two.answer(ok=True, value=7)
    assert two.control.request("ping") == 7
    two.console.expect("text")
    two.console.send("key")
    assert two.guest.recv(100) == b"key"
    assert two.console.text == "text"
    assert two.records == [{"event": "boot"}]


def test_text_of_the_control_uart(two: Wire) -> None:
    """Stray text there goes into the timeline, not into the transcript."""
    two.other.sendall(b'noise\x1e{"event":"net"}\n\x1ebroken\n')
    two.answer(ok=True, value=1)
    assert two.control.request("ping") == 1
    assert [(event.name, event.detail) for event in two.timeline] == [
        ("control_text", {"text": "noise"}),
        ("malformed_record", {"data": "b'broken'"}),
    ]
    assert two.console.text == ""


def test_text_before_a_record(two: Wire) -> None:
    """Text that the guest printed before a record has arrived when the record is handled."""
    with two.console.changed:  # the reader has to wait, and finds both lines full
        two.guest.sendall(b"first")
        two.other.sendall(b'\x1e{"event":"boot"}\n')
        two.guest.sendall(b" second")
    assert two.console.wait_for(lambda: two.seen, Deadline(5)) in ("first", "first second")


def test_control_uart_that_closes(two: Wire) -> None:
    """The console works on without it, and ends normally."""
    two.other.close()
    two.guest.sendall(b"still here")
    two.console.expect("still here")
    assert not two.console.closed
    two.guest.close()
    with pytest.raises(ConsoleTimeout):
        two.console.expect("more", timeout=60)
    assert two.console.closed


def test_refusal(wire: Wire) -> None:
    """A refusal carries the guest's message and traceback."""
    wire.answer(ok=False, error="ValueError: no", traceback="Traceback ...")
    with pytest.raises(ControlError) as caught:
        wire.control.request("exec", "eA==")
    assert str(caught.value) == "The device refused exec: ValueError: no\nTraceback ..."
    assert caught.value.traceback == "Traceback ..."


def test_no_answer(wire: Wire) -> None:
    """A missing answer is a timeout that shows the console; a late answer is ignored."""
    wire.guest.sendall(b"hanging\r\n")
    wire.console.expect("hanging")
    with pytest.raises(ControlTimeout) as caught:
        wire.control.request("ping", timeout=0.01)
    assert str(caught.value) == (
        "The device did not answer the control request ping within 0.01 s; "
        "its console ended with:\nhanging"
    )
    number, words = wire.request()
    assert words == ["ping"]
    wire.answer_now(number, ok=True, value=1)
    wire.answer(ok=True, value=2)
    assert wire.control.request("ping") == 2


def test_lost_in_a_reset(wire: Wire) -> None:
    """A reset fails pending requests."""

    def reset() -> None:
        wire.request()
        with wire.console.changed:
            wire.control.lose()
            wire.console.changed.notify_all()

    threading.Thread(target=reset, daemon=True).start()
    with pytest.raises(ControlError) as caught:
        wire.control.request("exec", "eA==", timeout=60)
    assert str(caught.value) == "The device reset before it answered the control request exec."


def test_many_threads(wire: Wire) -> None:
    """Answers are matched to their requests in any order."""
    results: dict[str, Any] = {}
    count = 20

    def ask(argument: str) -> None:
        results[argument] = wire.control.request("echo", argument)

    threads = [threading.Thread(target=ask, args=[str(n)]) for n in range(count)]
    for thread in threads:
        thread.start()
    data = b""
    while data.count(b"\n") < count:
        data += wire.guest.recv(65536)
    requests = [line[1:].decode().split() for line in data.splitlines()]
    for number, _, argument in reversed(requests):
        wire.answer_now(int(number), ok=True, value=f"answer {argument}")
    for thread in threads:
        thread.join()
    assert results == {str(n): f"answer {n}" for n in range(count)}


def test_request_line() -> None:
    """A request is one line; arguments that would break it are rejected."""
    assert encode(7, "ballast", 1000) == b"\x1e7 ballast 1000\n"
    assert base64.b64decode(encode_source("print('ä')")).decode() == "print('ä')"
    with pytest.raises(ControlError) as caught:
        encode(1, "exec", "a b")
    assert str(caught.value) == (
        "'a b' cannot be part of a control request: use printable ASCII without spaces."
    )
    with pytest.raises(ControlError) as caught:
        encode(1, "exec", "x" * LONGEST_REQUEST)
    assert str(caught.value) == (
        "The control request exec is 49161 bytes long, but the device accepts 49152: "
        "send it in pieces."
    )


def test_transcript() -> None:
    """Each line of the transcript has the time of its first character."""
    transcript = Transcript()
    transcript.add("one\ntw", 0.5)
    transcript.add("o\nthree\n", 1.25)
    transcript.add("four", 2)
    assert transcript.stamped() == (
        "[  0.500000] one\n[  0.500000] two\n[  1.250000] three\n[  2.000000] four\n"
    )
    assert transcript.tail(2) == "three\nfour"
    assert Transcript().stamped() == ""


class Piece(str):
    """Text that counts the characters that are copied to append it to another one."""

    copied = 0
    __slots__ = ()

    def __radd__(self, other: str) -> str:
        Piece.copied += len(other)
        return other + str(self)


def test_transcript_in_small_pieces() -> None:
    """Appending does not copy what came before, of which a chatty guest prints megabytes."""
    transcript = Transcript()
    for number in range(1000):
        transcript.add(Piece(f"line {number}\n"), float(number))
    assert Piece.copied == 0
    assert transcript.text.splitlines() == [f"line {number}" for number in range(1000)]
    transcript.add("more\n", 1000.0)
    assert transcript.tail(2) == "line 999\nmore"
    assert transcript.stamped().endswith("[999.000000] line 999\n[1000.000000] more\n")
