# SPDX-License-Identifier: MIT
"""`Control`: sends requests to the guest's firmware, without its network or Python."""

from __future__ import annotations

import base64
import itertools
from typing import Any, Protocol

from espbench.boards.board import LONGEST_REQUEST
from espbench.device.console.console import Console
from espbench.errors import ControlError, ControlTimeout
from espbench.util.timeouts import Deadline

__all__ = ["Control", "ControlClient", "encode", "encode_source"]

_LOST = {"ok": False, "lost": True}


class ControlClient(Protocol):
    """Sends control requests to the guest; `Control` does so over the console."""

    @property
    def seen(self) -> bool:
        """Whether the guest ever sent a record; another project's firmware never does."""

    def request(self, verb: str, *arguments: str | int, timeout: float | Deadline = 10.0) -> Any:
        """Send a request and return the value of the answer; see `Control.request`."""


class Control:
    """The host's end of the control channel; safe to use from several threads."""

    def __init__(self, console: Console, longest: int = LONGEST_REQUEST) -> None:
        """Use the console's stream.

        Args:
            console: the guest's.
            longest: the most bytes of a request that the guest can buffer.
        """
        self._console = console
        self._longest = longest
        self._ids = itertools.count(1)
        self._pending: dict[int, dict[str, Any] | None] = {}
        self.seen = False
        """Whether the guest ever sent a record; another project's firmware never does."""

    def request(self, verb: str, *arguments: str | int, timeout: float | Deadline = 10.0) -> Any:
        """Send a request and return the value of the answer.

        Args:
            verb: such as "heap"; the firmware documents them.
            arguments: words without spaces.
            timeout: seconds, scaled; or a deadline.

        Raises:
            ControlError: the device refused, or reset before it answered.
            ControlTimeout: it did not answer in time.
            Panicked, QemuDied: it can no longer answer.
        """
        deadline = Deadline.of(timeout)
        number = next(self._ids)
        message = encode(number, verb, *arguments, longest=self._longest)
        # A guest that panicked and rebooted would answer as if nothing had happened.
        self._console.check()
        with self._console.changed:
            self._pending[number] = None
        try:
            self._console.send_request(message, deadline)
            answer = self._console.wait_for(lambda: self._pending[number], deadline)
        finally:
            with self._console.changed:
                del self._pending[number]
        if answer is None:
            raise ControlTimeout(
                f"The device did not answer the control request {verb} within {deadline}; "
                f"its console ended with:\n{self._console.tail()}"
            )
        if answer.get("lost"):
            self._console.check()
            raise ControlError(f"The device reset before it answered the control request {verb}.")
        if not answer.get("ok"):
            error = answer.get("error", "no reason given")
            traceback = str(answer.get("traceback", ""))
            message_text = f"The device refused {verb}: {error}"
            raise ControlError(
                f"{message_text}\n{traceback}" if traceback else message_text, traceback=traceback
            )
        return answer.get("value")

    def take(self, record: dict[str, Any]) -> bool:
        """Handle a record; return whether it was an answer. Called with the console's lock held."""
        self.seen = True
        number = record.get("id")
        if not isinstance(number, int):
            return False
        if number in self._pending:
            self._pending[number] = record
        return True

    def lose(self) -> None:
        """Fail the pending requests, which a reset lost. Called with the console's lock held."""
        for number, answer in self._pending.items():
            if answer is None:
                self._pending[number] = dict(_LOST)


def encode(number: int, verb: str, *arguments: str | int, longest: int = LONGEST_REQUEST) -> bytes:
    """Return a request as it is sent.

    Raises:
        ControlError: it is too long for the guest, or a word is not printable ASCII without spaces.
    """
    words = [str(number), verb, *map(str, arguments)]
    for word in words:
        if not word or any(ord(c) <= 0x20 or ord(c) > 0x7E for c in word):
            raise ControlError(
                f"{word!r} cannot be part of a control request: use printable ASCII without spaces."
            )
    data = b"\x1e" + " ".join(words).encode() + b"\n"
    if len(data) > longest:
        raise ControlError(
            f"The control request {verb} is {len(data)} bytes long, but the device accepts "
            f"{longest}: send it in pieces."
        )
    return data


def encode_source(source: str) -> str:
    """Return Python source as the argument of `exec` and `eval`."""
    return base64.b64encode(source.encode()).decode()
