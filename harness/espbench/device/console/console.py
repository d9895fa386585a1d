# SPDX-License-Identifier: MIT
"""`Console`: reads the guest's output, keeps a transcript of it, and waits for text in it."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from espbench.device.console.serial_port import SerialPort
from espbench.device.timeline import Timeline
from espbench.errors import ConsoleTimeout, DeviceError
from espbench.qemu.uart_pacing import Pace
from espbench.util.json_text_sequence import Demultiplexer, Item, Malformed, Record, Text
from espbench.util.timeouts import Deadline

__all__ = ["INTERRUPT", "Console", "Transcript"]

T = TypeVar("T")

INTERRUPT = b"\x03"
"""Ctrl-C: interrupts the running program."""
SOFT_RESET = b"\x04"
"""Ctrl-D at the prompt: soft reset."""
TAIL_LINES = 20


class Transcript:
    """Console text with the time of every piece."""

    def __init__(self) -> None:
        """Start empty."""
        self._text = ""
        self._new: list[str] = []
        self._length = 0
        self._pieces: list[tuple[int, float]] = []
        self._joining = threading.Lock()

    @property
    def text(self) -> str:
        """All text so far.

        A UART delivers it in pieces of some ten characters, so they are joined only when somebody
        reads them; CPython then extends the text in place if nobody else holds it.
        """
        with self._joining:
            if self._new:
                text, self._text = self._text, ""
                text += "".join(self._new)
                self._text = text
                self._new.clear()
            return self._text

    def add(self, text: str, at: float) -> None:
        """Append `text`, seen `at` seconds after the start."""
        with self._joining:
            self._pieces.append((self._length, at))
            self._new.append(text)
            self._length += len(text)

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines."""
        return "\n".join(self.text.splitlines()[-lines:])

    def stamped(self) -> str:
        """Return the text with the time of its first character before each line, in seconds."""
        lines = []
        piece = 0
        position = 0
        for line in self.text.splitlines(keepends=True):
            while piece + 1 < len(self._pieces) and self._pieces[piece + 1][0] <= position:
                piece += 1
            lines.append(f"[{self._pieces[piece][1]:10.6f}] {line}")
            position += len(line)
        stamped = "".join(lines)
        return stamped if not stamped or stamped.endswith("\n") else stamped + "\n"


class Console:
    """The device's serial line, and its second one for control records, if any.

    If the guest panics or QEMU dies, every wait ends early and raises the cause.
    """

    def __init__(
        self,
        timeline: Timeline,
        *,
        on_record: Callable[[dict[str, Any]], None],
        on_text: Callable[[str], None],
        faulty: Callable[[], bool],
        fault: Callable[[], Exception | None],
        tap: Callable[[bytes], None] | None = None,
    ) -> None:
        """Create a console; `attach` connects it.

        Args:
            timeline: the clock.
            on_record: called by the reader thread, with the lock held, for every control record.
            on_text: likewise for every piece of text.
            faulty: returns whether waiting is pointless; called with the lock held.
            fault: returns why, or None; called without the lock, because it may take a while.
            tap: called by the reader thread with the guest's output, as it arrives, without any
                control records in it.
        """
        self.changed = threading.Condition()
        """Notified whenever something arrives; its lock protects everything the reader changes."""
        self.transcript = Transcript()
        self.closed = False
        self._timeline = timeline
        self._on_record = on_record
        self._on_text = on_text
        self._faulty = faulty
        self._fault = fault
        self._tap = tap
        self._position = 0
        self._line = SerialPort(fault)
        self._control: SerialPort | None = None
        self._reader: threading.Thread | None = None

    @property
    def text(self) -> str:
        """All text so far."""
        return self.transcript.text

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines."""
        return self.transcript.tail(lines)

    def attach(
        self,
        connection: socket.socket,
        control: socket.socket | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Take over connected sockets and start reading.

        Args:
            connection: the console.
            control: the UART for control records; None if they arrive with the console's text.
            pace: how fast the guest reads its UART; None if QEMU's flow control handles that.
        """
        self._line.attach(connection, pace)
        if control is not None:
            self._control = SerialPort(self._fault)
            self._control.attach(control, pace)
        self._reader = threading.Thread(
            target=self._read, args=(connection, control), name="espbench-console", daemon=True
        )
        self._reader.start()

    def detach(self) -> None:
        """Wait for the reader, which ends with the stream, and close the sockets."""
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(timeout=2)
        self._line.close()
        if self._control is not None:
            self._control.close()

    def expect(
        self, pattern: str | re.Pattern[str], timeout: float | Deadline = 10.0
    ) -> re.Match[str]:
        """Wait until the console shows `pattern`, and return the match.

        Searches the text after the last match, like `pexpect`; lines end in `\\n`.

        Args:
            pattern: a regular expression, searched with `re.MULTILINE` when it is a string.
            timeout: seconds, scaled; or a deadline.

        Raises:
            ConsoleTimeout: the text did not appear in time.
            Panicked, QemuDied: it can no longer appear.
        """
        expression = re.compile(pattern, re.MULTILINE) if isinstance(pattern, str) else pattern
        deadline = Deadline.of(timeout)
        match = self.wait_for(
            lambda: expression.search(self.transcript.text, self._position), deadline
        )
        if match is None:
            raise ConsoleTimeout(
                f"The console did not show {expression.pattern!r} within {deadline}; "
                f"it ended with:\n{self.tail()}"
            )
        self._position = match.end()
        return match

    def follow(self, tap: Callable[[bytes], None]) -> None:
        """Pass `tap` the console's text so far, and its output from now on."""
        with self.changed:
            if self.text:
                tap(self.text.encode())
            self._tap = tap

    def skip(self) -> None:
        """Make the next `expect` search only text that arrives from now on."""
        with self.changed:
            self._position = len(self.transcript.text)

    def send(self, data: str | bytes, timeout: float | Deadline = 10.0) -> None:
        """Send `data` to the guest's UART.

        Args:
            data: bytes, or text, which is sent as UTF-8.
            timeout: seconds, scaled; the guest may be slow to read it.

        Raises:
            ConsoleTimeout: the guest did not read it in time.
            NotRunning: the device is not running.
        """
        self._line.send(data.encode() if isinstance(data, str) else data, Deadline.of(timeout))

    def send_request(self, data: bytes, deadline: Deadline) -> None:
        """Send a control request over the control UART, or else over the console.

        Raises:
            ConsoleTimeout: the guest did not read it in time.
            NotRunning: the device is not running.
        """
        (self._control or self._line).send(data, deadline)

    def repl(self, line: str, timeout: float | Deadline = 10.0) -> str:
        """Type a line at the prompt and return its output.

        Raises:
            ConsoleTimeout: the prompt did not come back in time.
        """
        deadline = Deadline.of(timeout)
        self.skip()
        self.send(line + "\r", deadline)
        match = self.expect(r"(?s)(.*?)\n?>>> $", deadline)
        return match[1].partition("\n")[2]

    def wait_for(self, ready: Callable[[], T | None], deadline: Deadline) -> T | None:
        """Return the first true value of `ready`, or None when time is up.

        `ready` is called with the lock held, immediately and after every change.

        Raises:
            DeviceError: the guest panicked or QEMU died before `ready` was true.
        """
        while True:
            with self.changed:
                if value := ready():
                    return value
                remaining = deadline.remaining()
                if self.closed or self._faulty() or remaining <= 0:
                    break
                self.changed.wait(min(remaining, threading.TIMEOUT_MAX))
        if fault := self._fault():
            raise fault
        return None

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the console shows something, for at most `seconds` (unscaled)."""
        with self.changed:
            self.changed.wait(seconds)

    def wait_quiet(self, seconds: float, deadline: Deadline) -> bool:
        """Return whether the guest was silent for `seconds` (unscaled) before the deadline."""
        with self.changed:
            while not self.closed:
                left = min(seconds, deadline.remaining())
                if not self.changed.wait(left):
                    return left == seconds
        return False

    def check(self) -> None:
        """Raise the error that ended the guest, or a panic that no test has seen yet.

        Raises:
            DeviceError: the guest panicked or QEMU died.
        """
        if (self.closed or self._faulty()) and (fault := self._fault()):
            raise fault

    def _read(self, connection: socket.socket, control: socket.socket | None) -> None:
        console, records = Demultiplexer(), Demultiplexer()
        raw = control is not None
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        if control is not None:
            poll.register(control, select.POLLIN)
        first = True
        while True:
            poll.poll()
            # Read control first: then the text that precedes a record has been read when the
            # record is handled, and a boot's first text is known before its event.
            record_data = None if control is None else _received(control)
            data = _received(connection)
            at = self._timeline.now()
            if first and data:
                self._timeline.add("first_byte", at)
                first = False
            items = [] if data is None else console.feed(data) if data else console.finish()
            # The demultiplexer removes \r from text that shares its line with records.
            shown = data if raw else _text_of(items)
            with self.changed:
                tap = self._tap  # `follow` passes this data to a tap that is set later
                if data is not None:
                    self._take(items, at)
                if record_data:
                    self._take_control(records.feed(record_data), at)
                if data == b"":
                    self.closed = True
                self.changed.notify_all()
            if tap is not None and shown:
                tap(shown)
            if data == b"":
                return
            if record_data == b"" and control is not None:
                poll.unregister(control)
                control = None

    def _take(self, items: list[Item], at: float) -> None:
        for item in items:
            # An error in a callback must not end the thread, or every wait would time out.
            with contextlib.suppress(DeviceError):
                match item:
                    case Text(text):
                        self.transcript.add(text, at)
                        self._on_text(text)
                    case Record(value):
                        self._on_record(value)
                    case Malformed(data):
                        self._timeline.add("malformed_record", at, data=repr(data[:200]))

    def _take_control(self, items: list[Item], at: float) -> None:
        """Handle data from the control UART; text there does not belong to the console."""
        for item in items:
            if isinstance(item, Text):
                self._timeline.add("control_text", at, text=item.text[:200])
        self._take([item for item in items if not isinstance(item, Text)], at)


def _text_of(items: list[Item]) -> bytes:
    return "".join(item.text for item in items if isinstance(item, Text)).encode()


def _received(connection: socket.socket) -> bytes | None:
    """Return the available data; None if there is none yet, empty at the end of the stream."""
    try:
        return connection.recv(65536)
    except BlockingIOError:
        return None
    except OSError:
        return b""
