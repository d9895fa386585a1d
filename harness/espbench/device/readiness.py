# SPDX-License-Identifier: MIT
"""`ReadinessMonitor`: waits until a device is ready, and explains why it is not.

The conditions themselves are data, in `espbench.boards.readiness`.
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
"""Printed by firmware that cannot serve; matches whole lines, because text arrives in pieces."""

_AT_PROMPT = re.compile(r"^>>> \Z", re.MULTILINE)

Ready = Readiness | str | None


def readiness_of(ready: Ready, board: Board) -> Readiness:
    """Return the readiness that `ready` names.

    Args:
        ready: a `Readiness`; "control" (only answers control requests), "http", "https" or both as
            "http+https" (listens for that); None for the board's default.
        board: the board, which defines the schemes and ports.

    Raises:
        ConfigError: `ready` is unknown.
    """
    if ready is None:
        return board.readiness
    if not isinstance(ready, str):
        return ready
    schemes = () if ready == "control" else tuple(ready.split("+"))
    if unknown := [scheme for scheme in schemes if scheme not in board.ports]:
        raise ConfigError(
            f"Unknown readiness {unknown[0]!r}: use control, {', '.join(board.ports)}, several of "
            "these joined by +, or a Readiness."
        )
    return ListeningReadiness(schemes)


class ReadinessMonitor:
    """Waits for signs of life of one run of a device: listeners, text, events, boots."""

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
            readiness: the condition to wait for.
            target: the device, as the condition sees it.
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
        """Wait until the device is ready in its current boot.

        Raises:
            NotReady: it did not become ready; the message has the end of the console.
            RebootLoop, Panicked, QemuDied: it can no longer become ready.
        """
        with self._boots.awaited():
            if not self._readiness.wait(self._target, deadline):
                self._console.check()
                raise self.not_ready(f"within {deadline}", longer=True)

    def wait_boot(self, boots: int, deadline: Deadline) -> None:
        """Wait until the guest has booted more than `boots` times.

        Raises:
            NotReady: it did not reboot in time.
        """
        if not self._console.wait_for(lambda: self._boots.count > boots, deadline):
            raise self.not_ready(f"within {deadline}", longer=True, awaited="reboot")

    def wait_for_listeners(self, schemes: set[str], deadline: Deadline) -> bool:
        """Return whether the guest reported its boot and all these listeners before the deadline.

        Raises:
            NotReady: the guest reported that it could not start one of them.
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
                    return f"printed: {match[0]}"
            # Listeners are reported as they start, so before the program that starts them ends.
            return "is at its prompt: its program has ended" if _AT_PROMPT.search(text) else None

        found = self._console.wait_for(outcome, deadline)
        if found is not None and found != "ready":
            raise self.not_ready(f"because it {found}")
        return found is not None

    def wait_for_text(self, pattern: str, deadline: Deadline) -> bool:
        """Return whether the current boot printed `pattern` before the deadline."""
        expression = re.compile(pattern, re.MULTILINE)
        return (
            self._console.wait_for(
                lambda: expression.search(self._console.text, self._boots.first_text), deadline
            )
            is not None
        )

    def wait_for_event(self, name: str, deadline: Deadline, since: int) -> dict[str, Any]:
        """Wait for an event of the guest, from index `since` on, and return it.

        Raises:
            ControlError: the event did not come in time.
        """
        found = self._console.wait_for(
            lambda: next((e for e in self._boots.events[since:] if e.get("event") == name), None),
            deadline,
        )
        if found is None:
            raise ControlError(f"The device did not report {name!r} within {deadline}.")
        return found

    def describe(self) -> str:
        """Return the condition, as it completes "The device did not ..."."""
        return self._readiness.describe(self._target)

    def not_ready(
        self, reason: str, *, longer: bool = False, awaited: str = "", hint: str = ""
    ) -> NotReady:
        """Return the error, with the end of the console and hints.

        Args:
            reason: such as "within 20 s" or "because ...".
            longer: whether the device may just need more time.
            awaited: the condition, as `describe` words it; "" for that of the device.
            hint: what else to do, or "".
        """
        tail = self._console.tail()
        silent = isinstance(self._readiness, ListeningReadiness) and not self._control.seen
        hints = [hint] if hint else []
        if silent and not self._boots.no_boot:
            hints.append(
                "it sent no control records; for a firmware other than espbench's, say when it "
                "is ready with --ready-console or --ready-http (pytest: --espbench-ready-console, "
                "--espbench-ready-http)"
            )
        if longer:
            hints.append(
                "if it just needs more time: --ready-timeout (pytest: --espbench-ready-timeout), "
                f"or {SCALE_VARIABLE} on a slow machine"
            )
        if hints:
            reason += f" ({'; '.join(hints)})"
        shown = f"its console ended with:\n{tail}" if tail else "its console shows nothing"
        return NotReady(
            f"{self._name} did not {awaited or self.describe()} {reason}; {shown}", tail=tail
        )
