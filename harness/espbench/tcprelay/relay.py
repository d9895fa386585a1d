# SPDX-License-Identifier: MIT
"""`TcpRelay`: the thread that accepts clients, and carries bytes between them and an emulator."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from espbench.tcprelay.pair import Pair, Side, reset
from espbench.tcprelay.upstream import Attempt, Upstream, prepare

__all__ = ["BACKLOG", "TcpRelay"]

BACKLOG = 256
"""Clients that may connect before the relay's thread gets to run."""
HELD = 100
"""Milliseconds until the relay accepts clients again after the process had no descriptor left."""
LAST = 1.0
"""Seconds that the relay may take to pass on the emulator's last bytes."""


class _Door(NamedTuple):
    """A listener, and where its clients are taken."""

    listener: socket.socket
    upstream: Upstream


class _Waiting(NamedTuple):
    attempt: Attempt
    upstream: Upstream


class _Open(NamedTuple):
    pair: Pair
    side: Side
    opened: _Waiting


def _opened(pid: int | None) -> int | None:
    """Return a descriptor that is readable when a process has ended; None if there is none."""
    if pid is not None and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return os.pidfd_open(pid)
    return None


class TcpRelay:
    """Carries connections until it is closed; one thread serves all of its listeners."""

    def __init__(self, pid: int | None = None) -> None:
        """Start without listeners.

        Args:
            pid: the emulator's process: when it ends, the relay's ports refuse clients as its own
                do. None, or a system without pidfds: they do so after the first client.
        """
        self._poll = select.poll()
        self._polled: dict[int, _Door | _Waiting | _Open] = {}
        self._pairs: set[Pair] = set()
        self._attempts: deque[_Waiting] = deque()  # in the order of their ends
        self._doors: list[_Door] = []
        self._new: deque[_Door] = deque()
        self._held = False
        """Whether no client is accepted, because the process has no descriptors left."""
        self._closing = False
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._poll.register(self._woken, select.POLLIN)
        self._pidfd = _opened(pid)
        if self._pidfd is not None:
            self._poll.register(self._pidfd, select.POLLIN)
        self._thread = threading.Thread(target=self._run, name="espbench-tcprelay", daemon=True)
        self._thread.start()

    def listen(self, host: str, port: int, ports: Sequence[int]) -> int:
        """Accept clients on `port` of `host` (0: a free one); return the port.

        Args:
            host: an IPv4 address of this host.
            port: the port, or 0.
            ports: ports of 127.0.0.1 to continue the connections to, in turn.

        Raises:
            OSError: the port is in use, or it must not be used.
        """
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            prepare(listener)  # what it accepts inherits that
            listener.setblocking(False)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except BaseException:
            listener.close()
            raise
        found = int(listener.getsockname()[1])
        self._new.append(_Door(listener, Upstream(ports)))
        self._nudge()
        return found

    def close(self) -> None:
        """Stop listening, pass on what has arrived, and end every connection."""
        self._closing = True
        self._nudge()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _nudge(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"x")

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        try:
            while not self._closing:
                self._turn(self._patience())
            self._stop_listening()
            ends = time.monotonic() + LAST
            while self._turn(0) and time.monotonic() < ends:
                pass  # the emulator's last bytes, and its FIN or RST
        finally:
            self._stop_listening()
            for waiting in list(self._attempts):
                self._give_up(waiting)
            for pair in list(self._pairs):
                pair.abandon()
            self._wake.close()
            self._woken.close()
            if self._pidfd is not None:
                os.close(self._pidfd)

    def _turn(self, patience: int | None) -> bool:
        """Wait, do what is possible, and return whether anything was."""
        if self._held:
            self._hold(False)
        ready = self._poll.poll(patience)
        # One of them may close a descriptor that the next one gets.
        found = [(self._polled.get(descriptor), events) for descriptor, events in ready]
        for what, events in found:
            match what:
                case _Door() as door:
                    self._accept(door)
                case _Waiting() as waiting:
                    self._proceed(waiting)
                case _Open() as carried:
                    self._carry(carried, events)
                case None:
                    self._notice()
        while self._new and not self._closing:
            door = self._new.popleft()
            self._doors.append(door)
            self._add(door.listener, door, select.POLLIN)
        now = time.monotonic()
        while self._attempts and self._attempts[0].attempt.until <= now:
            self._try_again(self._attempts[0])
        return bool(ready)

    def _notice(self) -> None:
        """Look what is not a connection: a call of another thread, or the emulator's end."""
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        if self._pidfd is not None and select.select([self._pidfd], [], [], 0)[0]:
            self._poll.unregister(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
            self._stop_listening()

    def _patience(self) -> int | None:
        """Return the milliseconds until there is something to do; None if only a socket knows."""
        if self._held:
            return HELD
        if not self._attempts:
            return None
        left = self._attempts[0].attempt.until - time.monotonic()
        return max(0, int(left * 1000) + 1)

    def _add(self, sock: socket.socket, what: _Door | _Waiting | _Open, events: int) -> None:
        self._polled[sock.fileno()] = what
        self._poll.register(sock, events)

    def _drop(self, sock: socket.socket) -> None:
        """Stop polling a socket."""
        if self._polled.pop(sock.fileno(), None) is not None:
            with contextlib.suppress(KeyError):  # a quiet one is not polled
                self._poll.unregister(sock)

    def _stop_listening(self) -> None:
        doors, self._doors = [*self._doors, *self._new], []
        self._new.clear()
        for door in doors:
            self._drop(door.listener)
            door.listener.close()

    # ---------------------------------------------------------------- opening a connection

    def _accept(self, door: _Door) -> None:
        try:
            client, source = door.listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._hold(True)
            return
        client.setblocking(False)
        self._connect(client, source[1], door.upstream)

    def _hold(self, held: bool) -> None:
        """Stop to accept clients, or begin again."""
        self._held = held
        for door in self._doors:
            self._poll.modify(door.listener, 0 if held else select.POLLIN)

    def _connect(self, client: socket.socket, port: int, upstream: Upstream) -> None:
        try:
            waiting = _Waiting(upstream.begin(client, port), upstream)
        except OSError:
            reset(client)
            return
        with contextlib.suppress(OSError):  # ENOTCONN
            waiting.attempt.sock.getpeername()
            self._open(waiting)  # as usual: over the loopback, a connection opens at once
            return
        self._attempts.append(waiting)
        self._add(waiting.attempt.sock, waiting, select.POLLOUT)

    def _proceed(self, waiting: _Waiting) -> None:
        """Take an attempt that has succeeded or failed."""
        attempt = waiting.attempt
        if waiting not in self._attempts:
            return
        status = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if status:
            if status == errno.ECONNREFUSED:  # the emulator has ended
                self._stop_listening()
            self._give_up(waiting)
            return
        self._attempts.remove(waiting)
        self._drop(attempt.sock)
        self._open(waiting)

    def _open(self, waiting: _Waiting) -> None:
        """Carry a connection, beginning with what the client has sent already."""
        pair = Pair(waiting.attempt.client, waiting.attempt.sock)
        self._pairs.add(pair)
        for side in (pair.client, pair.device):
            self._add(side.sock, _Open(pair, side, waiting), select.POLLIN)
        self._carry(_Open(pair, pair.client, waiting), select.POLLIN)

    def _try_again(self, waiting: _Waiting) -> None:
        """Connect to the next port, because the listener of this one was full."""
        self._attempts.popleft()
        self._abandon(waiting)
        self._connect(waiting.attempt.client, waiting.attempt.port, waiting.upstream)

    def _abandon(self, waiting: _Waiting) -> None:
        attempt, upstream = waiting
        self._drop(attempt.sock)
        attempt.sock.close()
        upstream.release(attempt.source)

    def _give_up(self, waiting: _Waiting) -> None:
        self._attempts.remove(waiting)
        self._abandon(waiting)
        reset(waiting.attempt.client)

    # ---------------------------------------------------------------- carrying bytes

    def _carry(self, carried: _Open, events: int) -> None:
        pair = carried.pair
        if pair not in self._pairs:
            return
        pair.act(carried.side, events)
        if pair.over:
            self._end(carried)
            return
        for side in (pair.client, pair.device):
            wanted = pair.events(side)
            if wanted is None:
                with contextlib.suppress(KeyError):
                    self._poll.unregister(side.sock)
            else:
                self._poll.register(side.sock, wanted)

    def _end(self, carried: _Open) -> None:
        pair = carried.pair
        self._pairs.discard(pair)
        for side in (pair.client, pair.device):
            self._drop(side.sock)
        pair.close()
        carried.opened.upstream.release(carried.opened.attempt.source)
