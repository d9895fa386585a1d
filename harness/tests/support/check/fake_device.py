# SPDX-License-Identifier: MIT
"""A server in threads of the test, and the `Subject` that shows it to a check."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

from espbench.check.check import Check, CheckFailed, Observation
from espbench.check.families import all_checks
from espbench.check.profile import Profile
from espbench.check.server import Server, WebSocketPath
from espbench.check.subject import Subject
from espbench.device.device import Device
from wording import well_worded

__all__ = ["check_named", "fault_of", "listening", "subject_of"]


class FakeDevice:
    """What checks ask of a device that is nothing but a port of this host."""

    def __init__(self, port: int, files: dict[str, bytes] | None = None) -> None:
        self.port_of_host = port
        self.files = files or {}
        self.tls_secrets = None
        self.console = SimpleNamespace(changed=threading.Lock(), text="")
        self.boots = 1
        self.resets: list[str] = []
        self.faults = SimpleNamespace(panics=[])

    def ports(self, guest_port: int) -> list[int]:  # noqa: ARG002
        """Return the host's port."""
        return [self.port_of_host]


def subject_of(
    port: int,
    *,
    path: str = "/",
    status: int = 200,
    websocket: WebSocketPath | None = None,
    files: dict[str, bytes] | None = None,
    **profile: Any,
) -> Subject:
    """Return a subject whose only server listens on a port of this host."""
    sockets = (websocket,) if websocket else ()
    server = Server(80, http=True, path=path, status=status, websockets=sockets)
    device = cast("Device", FakeDevice(port, files))
    return Subject(device, [server], server, websocket, Profile(**profile))


def check_named(name: str) -> Check:
    """Return a check."""
    return next(each for each in all_checks() if each.name == name)


def fault_of(subject: Subject, name: str) -> str:
    """Run a check, NAME or NAME:CASE; return its failure, its observation in brackets, or ""."""
    name, _, case = name.partition(":")
    check = check_named(name)
    seen = []
    for each in [case] if case else list(check.cases) or [""]:
        try:
            got = check.run(subject, each)
        except CheckFailed as error:
            return well_worded(str(error))
        if isinstance(got, Observation) and got.sentence:
            seen.append(well_worded(got.sentence))
    return f"[{' '.join(seen)}]" if seen else ""


@contextlib.contextmanager
def listening(
    serve: Callable[[socket.socket], None], *, at_once: int = 64, backlog: int = 64
) -> Iterator[int]:
    """Serve connections in threads until the block ends; yield the port.

    Args:
        serve: serves one connection, which is closed when it returns or fails with an OSError.
        at_once: how many connections are served at once; further ones wait.
        backlog: the listener's.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    places = threading.Semaphore(at_once)
    open_ones: set[socket.socket] = set()

    def one(connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                serve(connection)
        finally:
            open_ones.discard(connection)
            places.release()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                places.acquire()
                connection, _ = listener.accept()
                open_ones.add(connection)
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in list(open_ones):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
