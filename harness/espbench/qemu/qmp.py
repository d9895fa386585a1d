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
from typing import Any

from espbench.errors import QmpError
from espbench.util.timeouts import SCALE_VARIABLE, Deadline


class Qmp:
    """One monitor connection; safe to use from several threads."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over a connected socket."""
        self._socket = connection
        self._socket.setblocking(False)
        self._buffer = b""
        self._lock = threading.Lock()
        self._next_id = 0
        self.events: list[dict[str, Any]] = []
        """Events that came while waiting for a response (see QEMU's QMP reference)."""

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
                    self.events.append(answer)
                elif answer.get("id") == number:
                    break
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
