# SPDX-License-Identifier: MIT
"""What a device must show to be ready: `Readiness` and the strategies that a board or test names.

slirp accepts a TCP connection before the guest does, so an accepted connection means nothing: each
strategy that looks at the network waits for an application byte.
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
        """When the device starts with all of these files, it serves HTTPS too."""


class ReadyTarget(Protocol):
    """What a strategy may ask of the device that it waits for; `Device` is one."""

    @property
    def board(self) -> Listens:
        """Its board."""

    def has_file(self, name: str) -> bool:
        """Return whether the device started with this file."""

    def wait_for_listeners(self, schemes: set[str], deadline: Deadline) -> bool:
        """Return whether the guest listened for all of these in time."""

    def wait_for_text(self, pattern: str, deadline: Deadline) -> bool:
        """Return whether the console showed the pattern in time."""

    def wait_for_answer(self, scheme: str, path: str, deadline: Deadline) -> bool:
        """Return whether one byte of an answer to a GET request came in time."""

    def sample_heap(self, why: str, deadline: Deadline) -> object:
        """Ask the guest for its heap, which shows that its control channel answers."""


class Readiness(Protocol):
    """A way to know that the device is ready."""

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether the device became ready before the deadline.

        Raises:
            EspbenchError: it never will: it panicked, died, or said that it cannot.
        """

    def describe(self, device: ReadyTarget) -> str:
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

    def expected(self, device: ReadyTarget) -> tuple[str, ...]:
        """Return the schemes that are waited for."""
        if self.schemes is not None:
            return self.schemes
        tls = device.board.tls_files
        with_tls = bool(tls) and all(device.has_file(name) for name in tls)
        return tuple(s for s in device.board.ports if s != "https" or with_tls)

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether all listen, and one control answer and one application byte came back."""
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

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether the console showed it."""
        return device.wait_for_text(self.pattern, deadline)

    def describe(self, device: ReadyTarget) -> str:  # noqa: ARG002
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

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether a byte came back."""
        return device.wait_for_answer(self.scheme, self.path, deadline)

    def describe(self, device: ReadyTarget) -> str:  # noqa: ARG002
        """Return what was waited for."""
        return f"answer GET {self.path} over {self.scheme}"
