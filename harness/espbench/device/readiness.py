"""When a device is ready: strategies, of which a board has one and a test may name another.

slirp accepts a TCP connection before the guest does, so an accepted connection means nothing: each
strategy that looks at the network waits for an application byte.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from espbench.clients import source_ports
from espbench.errors import ConfigError

if TYPE_CHECKING:
    from espbench.device.device import Device
    from espbench.util.timeouts import Deadline


class Readiness(Protocol):
    """A way to know that the device is ready."""

    def wait(self, device: Device, deadline: Deadline) -> bool:
        """Return whether the device became ready before the deadline.

        Raises:
            EspbenchError: it never will: it panicked, died, or said that it cannot.
        """

    def describe(self, device: Device) -> str:
        """Return what was waited for, completing "The device was to ..."."""


@dataclass(frozen=True)
class ListeningReadiness:
    """The guest's own `listening` events, then an answered control request and an HTTP byte.

    Attributes:
        schemes: which listeners; None: HTTP, and HTTPS when the device has the board's TLS files.
        probe: whether to ask for one byte over HTTP as well.
    """

    schemes: tuple[str, ...] | None = None
    probe: bool = True

    def expected(self, device: Device) -> tuple[str, ...]:
        """Return the schemes that are waited for."""
        if self.schemes is not None:
            return self.schemes
        tls = device.board.tls_files
        with_tls = bool(tls) and all(device.has_file(name) for name in tls)
        return tuple(s for s in device.board.ports if s != "https" or with_tls)

    def wait(self, device: Device, deadline: Deadline) -> bool:
        """Return whether all listen, and one control answer and one application byte came back."""
        expected = set(self.expected(device))
        if not device.wait_for_listeners(expected, deadline):
            return False
        if deadline.expired():
            return False
        device.sample_heap("ready", deadline)
        if self.probe and "http" in expected:
            return _probe(device, "http", device.board.ports["http"], "/", deadline)
        return True

    def describe(self, device: Device) -> str:
        """Return what was waited for."""
        expected = " and ".join(self.expected(device))
        return f"listen for {expected}" if expected else "answer on its control channel"


@dataclass(frozen=True)
class ConsoleReadiness:
    """A regular expression on the console.

    Attributes:
        pattern: searched in what was printed since the boot.
    """

    pattern: str

    def __post_init__(self) -> None:
        """Check the expression."""
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ConfigError(
                f"{self.pattern!r} is no regular expression ({error}): correct "
                "--ready-console (pytest: --espbench-ready-console)."
            ) from None

    def wait(self, device: Device, deadline: Deadline) -> bool:
        """Return whether the console showed it."""
        return device.wait_for_text(self.pattern, deadline)

    def describe(self, device: Device) -> str:  # noqa: ARG002
        """Return what was waited for."""
        return f"print something that matches {self.pattern!r}"


@dataclass(frozen=True)
class HttpReadiness:
    """The first byte of an answer to a GET request; for firmware that tells nothing of itself.

    Attributes:
        path: what to ask for.
        scheme: "http" or "https" (nothing is verified).
    """

    path: str = "/"
    scheme: str = "http"

    def wait(self, device: Device, deadline: Deadline) -> bool:
        """Return whether a byte came back."""
        return _probe(device, self.scheme, device.board.ports[self.scheme], self.path, deadline)

    def describe(self, device: Device) -> str:  # noqa: ARG002
        """Return what was waited for."""
        return f"answer GET {self.path} over {self.scheme}"


RETRY = 0.05
"""Seconds between two probes of a guest that refused one; nothing tells us when it will not."""


def _probe(device: Device, scheme: str, guest_port: int, path: str, deadline: Deadline) -> bool:
    """Ask until one byte comes back; return whether it did in time."""
    port = device.port(guest_port)
    while not _answers(port, scheme, path, min(deadline.remaining(), 2.0)):
        device.check()
        if deadline.expired():
            return False
        device.wait_for_change(min(RETRY, deadline.remaining()))
    device.timeline.add("answered", scheme=scheme)
    return True


def _answers(port: int, scheme: str, path: str, timeout: float) -> bool:
    """Return whether one byte of an answer came within `timeout` seconds."""
    if timeout <= 0:
        return False
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    try:
        with source_ports.connect(port, timeout) as raw:
            connection = _unverified(raw) if scheme == "https" else raw
            with connection:
                connection.settimeout(timeout)
                connection.sendall(request)
                first = connection.recv(1)
                if not first:
                    return False
                # Read what else comes: closing with unread bytes would send the guest a reset.
                connection.settimeout(min(timeout, 0.2))
                with contextlib.suppress(OSError):
                    while connection.recv(65536):
                        pass
                return True
    except OSError:
        return False


def _unverified(raw: socket.socket) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(raw)
