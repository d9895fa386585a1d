# SPDX-License-Identifier: MIT
"""How to detect that a device is ready: `Readiness` and the strategies for boards and tests.

slirp accepts a TCP connection before the guest does, so an accepted connection proves nothing: each
strategy that uses the network waits for a byte of application data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from espbench.errors import ConfigError
from espbench.util.timeouts import Deadline

__all__ = [
    "ConsoleReadiness",
    "HttpReadiness",
    "ListeningReadiness",
    "Listens",
    "Readiness",
    "ReadyTarget",
]


class Listens(Protocol):
    """Where a board's firmware listens; `Board` is one."""

    @property
    def ports(self) -> Mapping[str, int]:
        """Guest port by URL scheme."""

    @property
    def tls_files(self) -> tuple[str, ...]:
        """When the device starts with all of these files, it also serves HTTPS."""


class ReadyTarget(Protocol):
    """The part of a device that strategies use; `Device` implements it."""

    @property
    def board(self) -> Listens:
        """The device's board."""

    def has_file(self, name: str) -> bool:
        """Return whether the device started with this file."""

    def wait_for_listeners(self, schemes: set[str], deadline: Deadline) -> bool:
        """Return whether the guest reported listeners for all of these in time."""

    def wait_for_text(self, pattern: str, deadline: Deadline) -> bool:
        """Return whether the console output matched the pattern in time."""

    def wait_for_answer(self, scheme: str, path: str, deadline: Deadline) -> bool:
        """Return whether the first byte of a response to a GET request came in time.

        With the scheme "", any server of the board may answer.
        """

    def sample_heap(self, why: str, deadline: Deadline) -> object:
        """Ask the guest for its heap, which proves that the control channel works."""


class Readiness(Protocol):
    """A strategy to detect that the device is ready."""

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether the device became ready before the deadline.

        Raises:
            EspbenchError: it never will: it panicked, QEMU died, or it reported a failure.
        """

    def describe(self, device: ReadyTarget) -> str:
        """Return the expected event as an infinitive, such as "listen for http"."""


@dataclass(frozen=True)
class ListeningReadiness:
    """The guest's `listening` events, then a response to a control request and one over HTTP.

    Attributes:
        schemes: which listeners; None: HTTP, and HTTPS when the device has the board's TLS files.
        probe: whether to send an HTTP request, too.
    """

    schemes: tuple[str, ...] | None = None
    probe: bool = True

    def expected(self, device: ReadyTarget) -> tuple[str, ...]:
        """Return the schemes to wait for."""
        if self.schemes is not None:
            return self.schemes
        tls = device.board.tls_files
        with_tls = bool(tls) and all(device.has_file(name) for name in tls)
        return tuple(s for s in device.board.ports if s != "https" or with_tls)

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether all listen, and the control request and the HTTP request were answered."""
        expected = set(self.expected(device))
        if not device.wait_for_listeners(expected, deadline):
            return False
        if deadline.expired():
            return False
        device.sample_heap("ready", deadline)
        if self.probe and "http" in expected:
            return device.wait_for_answer("http", "/", deadline)
        return True

    def describe(self, device: ReadyTarget) -> str:
        """Return the expected event."""
        expected = " and ".join(self.expected(device))
        return f"listen for {expected}" if expected else "answer on its control channel"


@dataclass(frozen=True)
class ConsoleReadiness:
    """A regular expression on the console.

    Attributes:
        pattern: regular expression to search for in the output since the boot.
    """

    pattern: str

    def __post_init__(self) -> None:
        """Check the expression."""
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ConfigError(
                f"{self.pattern!r} is not a valid regular expression ({error}): correct "
                "--ready-console (pytest: --espbench-ready-console, Device: ready)."
            ) from None

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether the console output matched the pattern in time."""
        return device.wait_for_text(self.pattern, deadline)

    def describe(self, device: ReadyTarget) -> str:  # noqa: ARG002
        """Return the expected event."""
        return f"print something that matches {self.pattern!r}"


@dataclass(frozen=True)
class HttpReadiness:
    """The first byte of a response to a GET request, for firmware that sends no events.

    Attributes:
        path: path to request.
        scheme: "http" or "https" (without verification of the certificate); "" for either.
    """

    path: str = "/"
    scheme: str = ""

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether a response began in time."""
        return device.wait_for_answer(self.scheme, self.path, deadline)

    def describe(self, device: ReadyTarget) -> str:
        """Return the expected event."""
        return f"answer GET {self.path} over {self.scheme or ' or '.join(device.board.ports)}"
