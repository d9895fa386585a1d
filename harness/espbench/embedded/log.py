# SPDX-License-Identifier: MIT
"""What a dut prints, kept in pytest's own process: it replaces three processes of pytest-embedded.

pytest-embedded has a manager process with a queue, and for each dut a process that copies the queue
into a file, which `expect` reads over and over until something has changed. A machine of espbench's
is read by a thread of pytest's process already, so a buffer with a condition does all of that, and
nothing outlives the session.
"""

from __future__ import annotations

import contextlib
import datetime
import queue
import select
import sys
import threading
import time
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from pytest_embedded.log import EOF, TIMEOUT, PexpectProcess

LINGER = 0.05
"""Seconds (unscaled) that an unfinished line waits for its rest; a prompt has none."""
IDLE = 0.01
"""Seconds that another process which has nothing to say waits before it asks again."""
_STDOUT = threading.Lock()


class Log:
    """Takes the place of pytest-embedded's `MessageQueue` and of its listener process."""

    def __init__(self) -> None:
        """Begin empty."""
        self._changed = threading.Condition(threading.RLock())
        self._data = bytearray()
        self._last = 0.0
        self._file: BinaryIO | None = None
        self._show: Show | None = None
        self._later: Path | None = None
        self._pipes: list[Connection] = []

    def open(self, path: Path, show: Show | None = None) -> None:
        """Write what comes to a file as well, and show it on standard output.

        A file of that name is of an earlier test, whose text is not this one's.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._changed:
            self._file, self._show = path.open("wb", buffering=0), show

    def open_when_read(self, path: Path) -> None:
        """Write a file as well, once somebody expects something."""
        self._later = path

    def begin(self) -> None:
        """Write the file from now on that was to be written when somebody reads."""
        path, self._later = self._later, None
        if path is not None:
            with self._changed:
                self.open(path)
                self._write(bytes(self._data))

    # ---------------------------------------------------------------- for those who print

    def put(self, data: str | bytes, **_options: Any) -> None:
        """Append; never raises, because the console's reader calls it."""
        piece = data.encode() if isinstance(data, str) else bytes(data)
        if not piece:
            return
        with self._changed:
            self._data += piece
            self._last = time.monotonic()
            self._changed.notify_all()
            self._write(piece)
            if self._show is not None:
                self._show.put(piece)

    def _write(self, piece: bytes) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):
                self._file.write(piece)

    write = put

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def isatty(self) -> bool:
        """Return True, as pytest-embedded's queue does."""
        return True

    def __reduce__(self) -> tuple[type[Remote], tuple[Connection]]:
        """Become a pipe to this log in a process that is spawned: pytest-embedded's own QEMU."""
        reading, writing = Pipe(duplex=False)
        self._pipes.append(writing)
        threading.Thread(target=self._pump, args=(reading,), daemon=True).start()
        return Remote, (writing,)

    def _pump(self, reading: Connection) -> None:
        with reading, contextlib.suppress(OSError, EOFError):
            while True:
                self.put(reading.recv_bytes())

    # ---------------------------------------------------------------- for those who read

    def read(self, start: int, size: int, timeout: float | None) -> bytes:
        """Return whole lines that came after the first `start` bytes, as soon as there are some.

        Pieces of a line would do harm: `expect(r"port (\\d+)")` would take the first digit.

        Args:
            start: how much has been read.
            size: how many bytes at most.
            timeout: seconds, unscaled; None: no limit.

        Returns:
            nothing when nothing came in time; an unfinished line when its rest does not come.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                now = time.monotonic()
                new = self._data[start : start + size]
                if lines := new.rfind(b"\n") + 1:
                    return bytes(new[:lines])
                if new and (len(new) == size or now >= self._last + LINGER):
                    return bytes(new)
                waits = [] if end is None else [end - now]
                if waits and waits[0] <= 0:
                    return b""
                if new:
                    waits.append(self._last + LINGER - now)
                self._changed.wait(min(waits, default=None))

    def close(self) -> None:
        """End the file and the ways to it from other processes."""
        with self._changed:
            file, self._file = self._file, None
            show, self._show = self._show, None
        if file is not None:
            file.close()
        if show is not None:
            show.close()
        for pipe in self._pipes:
            pipe.close()


class Remote:
    """A log of another process; what is put there reaches it."""

    def __init__(self, pipe: Connection) -> None:
        """Remember the way."""
        self._pipe = pipe
        self._poll = select.poll()
        self._poll.register(pipe.fileno(), 0)

    def put(self, data: str | bytes, **_options: Any) -> None:
        """Append; with nothing to append, wait a moment, because the caller asks again at once.

        Raises:
            OSError: the process with the log has ended.
        """
        piece = data.encode() if isinstance(data, str) else data
        if piece:
            self._pipe.send_bytes(piece)
        elif self._poll.poll(IDLE * 1000):
            raise BrokenPipeError("The process with the log has ended.")

    write = put


class Show:
    """Prints lines as pytest-embedded's listener does: with the time, and which dut it was."""

    def __init__(self, *, stamped: bool = True, name: str = "") -> None:
        """Begin with a line.

        Args:
            stamped: whether each line begins with the time.
            name: of the dut, where there are several; "" for none.
        """
        self._stamped = stamped
        self._name = name
        self._rest = b""

    def put(self, piece: bytes) -> None:
        """Print the lines that are complete."""
        lines, end, self._rest = (self._rest + piece).rpartition(b"\n")
        if end:
            self._print(lines + end)

    def close(self) -> None:
        """Print what is left of a line."""
        if self._rest:
            self._print(self._rest + b"\n")
        self._rest = b""

    def _print(self, lines: bytes) -> None:
        now = f"{datetime.datetime.now().astimezone():%Y-%m-%d %H:%M:%S} " if self._stamped else ""
        prefix = f"{now}[{self._name}] " if self._name else now
        text = lines.decode(errors="ignore").replace("\r\n", "\n")
        shown = "".join(f"{prefix}{line}\n" for line in text.removesuffix("\n").split("\n"))
        # To where the listener process would print: pytest's capture has that, too.
        with _STDOUT, contextlib.suppress(OSError, ValueError, AttributeError):
            sys.__stdout__.write(shown)  # type: ignore[union-attr]
            sys.__stdout__.flush()  # type: ignore[union-attr]


class LogProcess(PexpectProcess):  # type: ignore[misc]  # it has no types
    """What `expect` reads from: a log, waited for instead of looked at again and again."""

    def __init__(self, file: BinaryIO, log: Log, maxread: int) -> None:
        """Begin at the log's beginning.

        Args:
            file: pexpect wants one that is open; nothing is read from it.
            log: what is read.
            maxread: bytes at a time, at most.
        """
        super().__init__(file, maxread=maxread)
        self._source = log
        self._at = 0

    def close(self) -> None:
        """Let further waits fail; the file is closed by who opened it."""
        self.child_fd = -1
        self.closed = True

    def read_nonblocking(self, size: int = 1, timeout: float | None = -1) -> bytes:
        """Return what came, as soon as something has.

        Args:
            size: how many bytes at most.
            timeout: seconds; -1 for `self.timeout`, None for no limit.

        Raises:
            EOF: it was closed.
            TIMEOUT: nothing came.
        """
        if self.closed:
            raise EOF("Bad File Descriptor")
        self._source.begin()
        data = self._source.read(self._at, size, self.timeout if timeout == -1 else timeout)
        if not data:
            raise TIMEOUT("Timeout exceeded.")
        self._at += len(data)
        self._log(data, "read")
        return data


class MessageQueue(Protocol):
    """pytest-embedded's queue; what is put there reaches `dut.expect` and its log."""

    def put(self, data: bytes) -> None:
        """Append."""


class Feed:
    """Hands the console over to pytest-embedded's own queue, line by line, for the same reason.

    It has a thread of its own, so that the console's reader never waits for another process.
    """

    def __init__(self, target: MessageQueue, linger: float = LINGER) -> None:
        """Start.

        Args:
            target: where it goes.
            linger: see `LINGER`.
        """
        self._target = target
        self._linger = linger
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="espbench-dut", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Hand `data` over, soon."""
        self._pieces.put(data)

    def close(self) -> None:
        """Hand over what is left and end."""
        self._pieces.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        # The queue's process may end first, when pytest is interrupted.
        with contextlib.suppress(OSError, EOFError):
            line = b""
            while True:
                try:
                    data = self._pieces.get(timeout=self._linger if line else None)
                except queue.Empty:
                    self._target.put(line)
                    line = b""
                    continue
                lines, end, rest = (line + (data or b"")).rpartition(b"\n")
                if end:
                    self._target.put(lines + end)
                line = rest
                if data is None:
                    break
            if line:
                self._target.put(line)
