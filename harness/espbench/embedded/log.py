# SPDX-License-Identifier: MIT
"""The output of a dut, kept in pytest's process: replaces three processes of pytest-embedded.

pytest-embedded has a manager process with a queue, and for each dut a process that copies the queue
to a file, which `expect` polls. A thread of pytest's process reads the console of espbench's
machines anyway, so a buffer with a condition variable is enough, and nothing outlives the session.
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
"""Seconds (unscaled) to wait for the end of an unfinished line; a prompt has none."""
IDLE = 0.01
"""Seconds between polls of another process that has no output."""
_STDOUT = threading.Lock()


class Log:
    """Replaces pytest-embedded's `MessageQueue` and its listener process."""

    def __init__(self) -> None:
        """Create an empty log."""
        self._changed = threading.Condition(threading.RLock())
        self._data = bytearray()
        self._last = 0.0
        self._file: BinaryIO | None = None
        self._show: Show | None = None
        self._later: Path | None = None
        self._pipes: list[Connection] = []

    def open(self, path: Path, show: Show | None = None) -> None:
        """Also write the output to a file, and show it on standard output.

        An existing file is from an earlier test and is overwritten.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._changed:
            self._file, self._show = path.open("wb", buffering=0), show

    def open_when_read(self, path: Path) -> None:
        """Also write the output to a file, once something is expected."""
        self._later = path

    def begin(self) -> None:
        """Start writing the file of `open_when_read`."""
        path, self._later = self._later, None
        if path is not None:
            with self._changed:
                self.open(path)
                self._write(bytes(self._data))

    # ---------------------------------------------------------------- writing

    def put(self, data: str | bytes, **_options: Any) -> None:
        """Append; never raise, because the console's reader calls it."""
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
        """Do nothing: there is no buffering."""

    def isatty(self) -> bool:
        """Return True, as pytest-embedded's queue does."""
        return True

    def __reduce__(self) -> tuple[type[Remote], tuple[Connection]]:
        """Become a pipe to this log in a spawned process, as for pytest-embedded's own QEMU."""
        reading, writing = Pipe(duplex=False)
        self._pipes.append(writing)
        threading.Thread(target=self._pump, args=(reading,), daemon=True).start()
        return Remote, (writing,)

    def _pump(self, reading: Connection) -> None:
        with reading, contextlib.suppress(OSError, EOFError):
            while True:
                self.put(reading.recv_bytes())

    # ---------------------------------------------------------------- reading

    def read(self, start: int, size: int, timeout: float | None) -> bytes:
        """Return whole lines after the first `start` bytes, as soon as there are some.

        With parts of lines, `expect(r"port (\\d+)")` would match after the first digit.

        Args:
            start: number of bytes read so far.
            size: maximum number of bytes.
            timeout: seconds, unscaled; None for no limit.

        Returns:
            the lines; an unfinished line if its end does not arrive; b"" after the timeout.
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
        """Close the file and the pipes from other processes."""
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
    """Forwards output to a log in another process."""

    def __init__(self, pipe: Connection) -> None:
        """Wrap the writing end of a pipe to the log."""
        self._pipe = pipe
        self._poll = select.poll()
        self._poll.register(pipe.fileno(), 0)

    def put(self, data: str | bytes, **_options: Any) -> None:
        """Append; without data wait a moment, because the caller polls without a pause.

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
    """Prints lines like pytest-embedded's listener: with the time and the name of the dut."""

    def __init__(self, *, stamped: bool = True, name: str = "") -> None:
        """Start at the beginning of a line.

        Args:
            stamped: whether each line begins with the time.
            name: name of the dut if there are several, or "".
        """
        self._stamped = stamped
        self._name = name
        self._rest = b""

    def put(self, piece: bytes) -> None:
        """Print the complete lines."""
        lines, end, self._rest = (self._rest + piece).rpartition(b"\n")
        if end:
            self._print(lines + end)

    def close(self) -> None:
        """Print the unfinished line."""
        if self._rest:
            self._print(self._rest + b"\n")
        self._rest = b""

    def _print(self, lines: bytes) -> None:
        now = f"{datetime.datetime.now().astimezone():%Y-%m-%d %H:%M:%S} " if self._stamped else ""
        prefix = f"{now}[{self._name}] " if self._name else now
        text = lines.decode(errors="ignore").replace("\r\n", "\n")
        shown = "".join(f"{prefix}{line}\n" for line in text.removesuffix("\n").split("\n"))
        # Where the listener process would print; pytest captures that too.
        with _STDOUT, contextlib.suppress(OSError, ValueError, AttributeError):
            sys.__stdout__.write(shown)  # type: ignore[union-attr]
            sys.__stdout__.flush()  # type: ignore[union-attr]


class LogProcess(PexpectProcess):  # type: ignore[misc]  # it has no types
    """The process that `expect` reads from: waits for a log instead of polling it."""

    def __init__(self, file: BinaryIO, log: Log, maxread: int) -> None:
        """Start at the beginning of a log.

        Args:
            file: an open file, which pexpect requires; it is not read.
            log: the log to read.
            maxread: maximum number of bytes per read.
        """
        super().__init__(file, maxread=maxread)
        self._source = log
        self._at = 0

    def close(self) -> None:
        """Let further reads fail; the owner of the file closes it."""
        self.child_fd = -1
        self.closed = True

    def read_nonblocking(self, size: int = 1, timeout: float | None = -1) -> bytes:
        """Return new output, as soon as there is some.

        Args:
            size: maximum number of bytes.
            timeout: seconds; -1 for `self.timeout`, None for no limit.

        Raises:
            EOF: the process was closed.
            TIMEOUT: there was no output in time.
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
    """pytest-embedded's queue, which feeds `dut.expect` and the dut's log."""

    def put(self, data: bytes) -> None:
        """Append."""


class Feed:
    """Forwards the console to pytest-embedded's own queue in whole lines, as `Log.read` does.

    It has its own thread, so that the console's reader never waits for another process.
    """

    def __init__(self, target: MessageQueue, linger: float = LINGER) -> None:
        """Start the thread.

        Args:
            target: the queue.
            linger: see `LINGER`.
        """
        self._target = target
        self._linger = linger
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="espbench-dut", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> None:
        """Forward `data` asynchronously."""
        self._pieces.put(data)

    def close(self) -> None:
        """Forward the remaining data and end the thread."""
        self._pieces.put(None)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        # The queue's process may end first if pytest is interrupted.
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
