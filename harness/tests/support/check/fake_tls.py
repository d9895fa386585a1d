# SPDX-License-Identifier: MIT
"""A TLS server in threads of the test, right or with one fault, and the `Subject` of it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from espbench.certs import Recipe, recipes
from espbench.check.check import Check, CheckFailed, NotApplicable, Observation
from espbench.check.families import all_checks
from espbench.check.profile import Profile
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.device.device import Device
from wording import well_worded

__all__ = ["FakeTls", "outcome_of", "served_by"]

PLACES = 4
PATIENCE = 3.0
"""Seconds that the server waits for a client in its handshake."""
ALLOW_CLIENT_RENEGOTIATION, ALLOW_UNSAFE_RENEGOTIATION = 1 << 8, 1 << 18
"""Options of OpenSSL 3 (SSL_CTX_set_options(3)) that Python does not name."""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


class _Device:
    """What checks of the family `tls` ask of a device."""

    def __init__(self, port: int, console: str) -> None:
        self._port = port
        self.tls_secrets = None
        self.console = SimpleNamespace(changed=threading.Lock(), text=console)
        self.boots = 1
        self.resets: list[str] = []
        self.faults = SimpleNamespace(panics=[])

    def ports(self, guest_port: int) -> list[int]:  # noqa: ARG002
        """Return the host's port."""
        return [self._port]

    def port(self, guest_port: int) -> int:  # noqa: ARG002
        """Return the host's port."""
        return self._port

    def wait_for_change(self, seconds: float) -> None:
        """Wait."""
        threading.Event().wait(seconds)


def _subject(
    port: int, console: str = "", profile: Profile | None = None, **server: Any
) -> Subject:
    device = cast("Device", _Device(port, console))
    found = Server(443, **{"tls": True, "http": True, "status": 200, **server})
    return Subject(device, [found], found, None, profile or Profile())


@contextlib.contextmanager
def served_by(serve: Callable[[socket.socket], None]) -> Iterator[Subject]:
    """Serve each connection by a function in a thread, and yield the subject that checks ask."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield _subject(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


class FakeTls:
    """A server for HTTPS with some places; a fault makes it wrong in one way.

    The faults are the strings that its methods compare `fault` with.
    """

    def __init__(
        self,
        fault: str = "",
        recipe: str = "p256",
        version: str = "",
        asks: ssl.VerifyMode = ssl.CERT_NONE,
        clients: Path | None = None,
    ) -> None:
        """Prepare.

        Args:
            fault: what it does wrong.
            recipe: its certificate.
            version: the only one that it takes ("1.2", "1.3"); "": both.
            asks: whether it asks its clients for a certificate, and demands one.
            clients: certificates that it trusts.
        """
        self.fault = fault
        self._context = _context(recipes()[recipe], fault, version)
        self._context.verify_mode = asks
        if clients is not None:
            self._context.load_verify_locations(clients)
        self._lock = threading.Lock()
        self._open: dict[ssl.SSLSocket | socket.socket, bool] = {}
        self._taken = 0
        self._dead = False

    @contextlib.contextmanager
    def subject(self, console: str = "https started\n", **server: Any) -> Iterator[Subject]:
        """Serve for the block, and yield the subject that checks ask."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        try:
            yield _subject(listener.getsockname()[1], console, **server)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for each in list(self._open):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self.fault.startswith("dies"):  # before the next client comes
                    self._quietly(self._both, connection)
                elif "one task" in self.fault:
                    secure = self._handshake(connection)
                    if secure is not None:
                        self._begin(self._serve, secure)
                else:
                    self._begin(self._both, connection)

    def _begin(self, function: Any, connection: socket.socket) -> None:
        threading.Thread(target=self._quietly, args=(function, connection), daemon=True).start()

    def _quietly(self, function: Any, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):  # it was closed meanwhile
            function(connection)

    def _both(self, connection: socket.socket) -> None:
        secure = self._handshake(connection)
        if secure is not None:
            self._serve(secure)

    def _handshake(self, connection: socket.socket) -> ssl.SSLSocket | None:
        connection.settimeout(None if "no timeout" in self.fault else PATIENCE)
        self._open[connection] = False
        try:
            if not self._admits(connection):
                connection.close()
                return None
            secure = self._context.wrap_socket(connection, server_side=True)
        except OSError:
            if self.fault == "dies":
                self._dead = True
            connection.close()
            return None
        finally:
            del self._open[connection]
        secure.settimeout(None)
        return secure

    def _admits(self, connection: socket.socket) -> bool:
        """Return whether the first bytes, and the state of the server, are to its liking."""
        if self.fault == "silent":
            connection.settimeout(None)
            while connection.recv(4096):
                pass
            return False
        if self._dead or self.fault == "no handshake":
            return False
        if self.fault in ("waits after garbage", "whole headers", "no fragments", "no large hello"):
            head = connection.recv(5, socket.MSG_PEEK)
            if self.fault == "waits after garbage" and head[:1] != b"\x16":
                connection.settimeout(None)
                while connection.recv(4096):
                    pass
                return False
            if self.fault == "whole headers":
                return len(head) == 5
            while len(head) < 5:
                head = connection.recv(5, socket.MSG_PEEK)
            length = int.from_bytes(head[3:], "big")
            return length < 1500 if self.fault == "no large hello" else length > 150
        return True

    def _serve(self, secure: ssl.SSLSocket) -> None:
        with self._lock:
            self._taken += 1
            if self.fault == "places are lost" and self._taken > PLACES:
                secure.close()
                return
            if self.fault == "full" and len(self._open) >= PLACES:
                secure.close()
                return
            if self.fault.startswith("purges") and len(self._open) >= PLACES:
                idle = [each for each, asked in self._open.items() if not asked]
                victim = (idle or list(self._open))[-1]
                if self.fault == "purges the oldest":
                    victim = next(iter(self._open))
                with contextlib.suppress(OSError):
                    victim.shutdown(socket.SHUT_RDWR)
                del self._open[victim]
            self._open[secure] = False
        try:
            with contextlib.closing(secure):
                self._requests(secure)
        finally:
            with self._lock:
                self._open.pop(secure, None)

    def _requests(self, secure: ssl.SSLSocket) -> None:
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                data = secure.recv(2**14)
                if self.fault == "no large records" and len(data) > 8192:
                    return
                if not data:
                    self._dead = self.fault == "dies at the end"
                    if self.fault != "no close_notify" and self.fault != "keeps open":
                        with contextlib.suppress(OSError):
                            secure.unwrap()
                    if self.fault == "keeps open":
                        threading.Event().wait(60)
                    return
                received += data
            head, _, received = received.partition(b"\r\n\r\n")
            self._open[secure] = True
            secure.sendall(ANSWER)
            if self.fault == "ends after each response":
                return
            if b"connection: close" in head.lower():
                if self.fault != "ends without close_notify":
                    with contextlib.suppress(OSError):
                        secure.settimeout(1.0)
                        secure.unwrap()
                return


def _context(recipe: Recipe, fault: str, version: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if fault == "old versions":
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if fault == "null suites":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ALL:eNULL:@SECLEVEL=0")
    if fault.startswith("renegotiates"):
        context.options &= ~ssl.OP_NO_RENEGOTIATION
        context.options |= ALLOW_CLIENT_RENEGOTIATION
    if fault == "renegotiates unsafely":
        context.options |= ALLOW_UNSAFE_RENEGOTIATION
    if version == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    elif version == "1.3":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory() as name:
        for path, content in recipe.device_files.items():
            (Path(name) / path).write_bytes(content)
        context.load_cert_chain(Path(name) / recipe.cert_file, Path(name) / recipe.key_file)
    return context


def check_named(name: str) -> Check:
    """Return a check."""
    return next(each for each in all_checks() if each.name == name)


def outcome_of(subject: Subject, name: str) -> str:
    """Run a check, NAME or NAME:CASE.

    Return its failure, "" if it passes, its observation in brackets, or in braces why it is not
    applicable.
    """
    name, _, case = name.partition(":")
    check = check_named(name)
    seen = []
    for each in [case] if case else list(check.cases) or [""]:
        try:
            got = check.run(subject, each)
        except NotApplicable as error:
            seen.append(f"{{{well_worded(str(error))}}}")
        except CheckFailed as error:
            return well_worded(str(error))
        else:
            if isinstance(got, Observation) and got.sentence:
                seen.append(f"[{well_worded(got.sentence)}]")
    return " ".join(seen)
