# SPDX-License-Identifier: MIT
"""`Qmp`: a synchronous, thread-safe client of QEMU's monitor (QMP).

A device only needs two responses at its start and one at its end. The library `qemu.qmp` needs an
event loop for them: see docs/explanation/libraries.md for the cost.
"""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable
from typing import Any

from espbench.errors import QmpError
from espbench.util.timeouts import SCALE_VARIABLE, Deadline

_PATIENCE = 0.01
"""Seconds to wait for a thread that is reading, so that nobody polls in a busy loop."""


class Qmp:
    """One monitor connection; safe to use from several threads."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._socket.setblocking(False)
        self._buffer = b""
        self._lock = threading.Lock()
        self._next_id = 0
        self.halting = threading.RLock()
        """Held by a thread while it needs the guest stopped, until it lets the guest run on."""
        self.paused = False
        """Whether the guest is to stay stopped until it is resumed, even at a breakpoint; changed
        by a thread that holds `halting`."""
        self._listeners: list[Callable[[dict[str, Any]], None]] = []

    def negotiate(self, deadline: Deadline) -> tuple[int, int, int]:
        """Read the greeting and leave negotiation mode; return QEMU's version.

        Raises:
            QmpError: no greeting came in time, or the connection ended.
        """
        with self._lock:
            greeting = self._read("greeting", deadline)
        version = greeting["QMP"]["version"]["qemu"]
        self.execute("qmp_capabilities", deadline=deadline)
        return version["major"], version["minor"], version["micro"]

    def execute(
        self,
        command: str,
        /,
        *,
        deadline: Deadline | float = 5.0,
        pass_fd: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Execute a command and return its result; `_` in argument names stands for `-`.

        `pass_fd` is a descriptor to send with the command, as for `getfd`.

        Raises:
            QmpError: QEMU refused the command, did not respond in time, or has ended.
        """
        until = Deadline.of(deadline)
        with self._lock:
            self._next_id += 1
            number = self._next_id
            request = {
                "execute": command,
                "arguments": {name.replace("_", "-"): value for name, value in arguments.items()},
                "id": number,
            }
            self._send(json.dumps(request).encode() + b"\n", command, until, pass_fd)
            while True:
                answer = self._read(command, until)
                if "event" in answer:
                    self._tell(answer)
                elif answer.get("id") == number:
                    break
            self._tell_received()
        if "error" in answer:
            raise QmpError(
                f"QEMU refused {command}: {answer['error'].get('desc', answer)}. Check its name "
                "and arguments in QEMU's QMP reference."
            )
        return answer.get("return")

    def monitor(self, line: str, *, deadline: Deadline | float = 5.0) -> str:
        """Run a command of the human monitor and return its output."""
        answer = self.execute("human-monitor-command", deadline=deadline, command_line=line)
        return str(answer)

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call `listener` with each event (see QEMU's QMP reference), until `ignore`.

        The thread that reads the event calls it: it must be quick, and must not execute commands.
        Events are read while any thread waits for a response, and by `read_events`.
        """
        self._listeners.append(listener)

    def ignore(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Stop calling a listener."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when an event or a response arrives."""
        return self._socket.fileno()

    def read_events(self) -> None:
        """Read the events that have arrived, unless another thread is just reading.

        Raises:
            QmpError: QEMU has ended.
        """
        if not self._lock.acquire(timeout=_PATIENCE):
            return  # that thread passes the events on
        try:
            while True:
                self._tell_received()
                data = self._socket.recv(65536)
                if not data:
                    raise _closed("sent an event")
                self._buffer += data
        except BlockingIOError:
            pass
        except OSError as error:
            raise _closed("sent an event") from error
        finally:
            self._lock.release()

    def _tell_received(self) -> None:
        """Pass on the events that were received together with something else."""
        while b"\n" in self._buffer:
            line, self._buffer = self._buffer.split(b"\n", 1)
            message = json.loads(line)
            if "event" in message:
                self._tell(message)

    def _tell(self, event: dict[str, Any]) -> None:
        for listener in tuple(self._listeners):
            listener(event)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _send(self, data: bytes, what: str, deadline: Deadline, pass_fd: int | None) -> None:
        descriptors = [] if pass_fd is None else [pass_fd]
        while data:
            try:
                data = data[socket.send_fds(self._socket, [data], descriptors) :]
                descriptors = []  # they are sent with the first byte
            except BlockingIOError:
                self._wait(select.POLLOUT, what, deadline)
            except OSError as error:
                raise _closed(f"took {what}") from error

    def _read(self, what: str, deadline: Deadline) -> dict[str, Any]:
        while b"\n" not in self._buffer:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                self._wait(select.POLLIN, what, deadline)
                continue
            except OSError as error:
                raise _closed(f"answered {what}") from error
            if not data:
                raise _closed(f"answered {what}")
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _wait(self, event: int, what: str, deadline: Deadline) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        if deadline.expired() or not poll.poll(deadline.remaining() * 1000):
            raise QmpError(
                f"QEMU did not answer {what} on its monitor within {deadline}: it is stopped, or "
                f"the machine is very busy (set {SCALE_VARIABLE}=3 to triple every time-out)."
            )


def _closed(before: str) -> QmpError:
    """Return the error for a closed monitor."""
    return QmpError(
        f"QEMU closed its monitor before it {before}: it has ended, so start the device again, and "
        "see qemu.txt in the evidence for its last output."
    )
