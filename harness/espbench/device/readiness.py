# SPDX-License-Identifier: MIT
"""Waits until a device is ready, and says why one is not: `ReadinessMonitor`, of one run.

What a board or a test waits *for* is data, in `espbench.boards.readiness`.
"""

from __future__ import annotations

import re
from typing import Any

from espbench.boards.board import Board
from espbench.boards.readiness import ListeningReadiness, Readiness, ReadyTarget
from espbench.device.boots import Boots
from espbench.device.console.console import Console
from espbench.device.console.control import Control
from espbench.errors import ConfigError, ControlError, NotReady
from espbench.util.timeouts import SCALE_VARIABLE, Deadline

__all__ = ["ReadinessMonitor", "Ready", "readiness_of"]

_FAILED_START = re.compile(r"^Failed to start (HTTPS?) server: .*(?=\n)", re.MULTILINE)
"""What the firmware prints when it cannot serve; the whole line, because text comes in pieces."""

_AT_PROMPT = re.compile(r"^>>> \Z", re.MULTILINE)

Ready = Readiness | str | None


def readiness_of(ready: Ready, board: Board) -> Readiness:
    """Return the readiness that `ready` names.

    Args:
        ready: a `Readiness`; "control" (answers control requests, nothing more), "http", "https" or
            both as "http+https" (listens for that); None for the board's own.
        board: whose ports there are.

    Raises:
        ConfigError: it names something else.
    """
    if ready is None:
        return board.readiness
    if not isinstance(ready, str):
        return ready
    schemes = () if ready == "control" else tuple(ready.split("+"))
    if unknown := [scheme for scheme in schemes if scheme not in board.ports]:
        raise ConfigError(
            f"{unknown[0]!r} is no readiness: use control, {', '.join(board.ports)}, several of "
            "these joined by +, or a Readiness."
        )
    return ListeningReadiness(schemes)


class ReadinessMonitor:
    """Waits for what one run of a device shows: listeners, text, events, boots."""

    def __init__(
        self,
        name: str,
        readiness: Readiness,
        target: ReadyTarget,
        *,
        console: Console,
        control: Control,
        boots: Boots,
    ) -> None:
        """Watch a run.

        Args:
            name: the device's, for messages.
            readiness: what to wait for.
            target: what the readiness asks.
            console: the run's.
            control: the run's.
            boots: the run's.
        """
        self._name = name
        self._readiness = readiness
        self._target = target
        self._console = console
        self._control = control
        self._boots = boots

    def wait(self, deadline: Deadline) -> None:
        """Wait until the device is ready (for the present boot).

        Raises:
            NotReady: it is not; the message has the end of the console.
            RebootLoop, Panicked, QemuDied: it never will be.
        """
        with self._boots.awaited():
            if not self._readiness.wait(self._target, deadline):
                self._console.check()
                raise self.not_ready(f"within {deadline}", longer=True)

    def wait_boot(self, boots: int, deadline: Deadline) -> None:
        """Wait until the guest has booted more often than so many times.

        Raises:
            NotReady: it did not.
        """
        if not self._console.wait_for(lambda: self._boots.count > boots, deadline):
            raise self.not_ready(f"reboot within {deadline}", longer=True)

    def wait_for_listeners(self, schemes: set[str], deadline: Deadline) -> bool:
        """Return whether the guest reported its boot and all these listeners before the deadline.

        Raises:
            NotReady: the guest said that it could not start one of them.
        """

        def outcome() -> str | None:
            records = self._boots.events[self._boots.first_event :]
            if not self._boots.count:
                return None
            if schemes <= {r.get("scheme", "") for r in records if r.get("event") == "listening"}:
                return "ready"
            text = self._console.text[self._boots.first_text :]
            for match in _FAILED_START.finditer(text):
                if match[1].lower() in schemes:
                    return f"said: {match[0]}"
            # Listeners are reported while they start, so before a program that starts them ends.
            return "is at its prompt: its program has ended" if _AT_PROMPT.search(text) else None

        said = self._console.wait_for(outcome, deadline)
        if said is not None and said != "ready":
            raise self.not_ready(f"because it {said}")
        return said is not None

    def wait_for_text(self, pattern: str, deadline: Deadline) -> bool:
        """Return whether the present boot printed `pattern` before the deadline."""
        expression = re.compile(pattern, re.MULTILINE)
        return (
            self._console.wait_for(
                lambda: expression.search(self._console.text, self._boots.first_text), deadline
            )
            is not None
        )

    def wait_for_event(self, name: str, deadline: Deadline, since: int) -> dict[str, Any]:
        """Wait for an event of the guest, of those from index `since`, and return it.

        Raises:
            ControlError: it did not come in time.
        """
        found = self._console.wait_for(
            lambda: next((e for e in self._boots.events[since:] if e.get("event") == name), None),
            deadline,
        )
        if found is None:
            raise ControlError(f"The device did not report {name!r} within {deadline}.")
        return found

    def describe(self) -> str:
        """Return what is waited for, completing "The device was to ..."."""
        return self._readiness.describe(self._target)

    def not_ready(self, reason: str, *, longer: bool = False) -> NotReady:
        """Return the error, with the end of the console and what may help.

        Args:
            reason: completing "and did not ...".
            longer: whether the device may only need longer.
        """
        tail = self._console.tail()
        silent = isinstance(self._readiness, ListeningReadiness) and not self._control.seen
        hints = []
        if silent and not self._boots.no_boot:
            hints.append(
                "it told nothing of itself; for a firmware that is not espbench's, say when it "
                "is ready with --ready-console or --ready-http (pytest: --espbench-ready-console, "
                "--espbench-ready-http)"
            )
        if longer:
            hints.append(
                "if it only needs longer: --ready-timeout (pytest: --espbench-ready-timeout), or "
                f"{SCALE_VARIABLE} on a slow machine"
            )
        if hints:
            reason += f" ({'; '.join(hints)})"
        shown = f"its console ended with:\n{tail}" if tail else "its console shows nothing"
        return NotReady(
            f"{self._name} was to {self.describe()}, and did not {reason}; {shown}", tail=tail
        )
