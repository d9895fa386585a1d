# SPDX-License-Identifier: MIT
"""`ReadinessMonitor`: waits until a device is ready, and explains why it is not.

The conditions themselves are data, in `espbench.boards.readiness`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.boards.readiness import ListeningReadiness, Readiness, ReadyTarget
from espbench.device.boots import Boots
from espbench.device.console.console import Console
from espbench.device.console.control import Control
from espbench.device.console.program import Ending, ending_of
from espbench.errors import ConfigError, ControlError, NotReady
from espbench.inspect.inspection import has_bench
from espbench.util.timeouts import SCALE_VARIABLE, Deadline

__all__ = ["ReadinessMonitor", "Ready", "readiness_of", "ready_if_foreign"]

_FAILED_START = re.compile(r"^Failed to start (HTTPS?) server: .*(?=\n)", re.MULTILINE)
"""Printed by firmware that cannot serve; matches whole lines, because text arrives in pieces."""

LOOK = 0.5
"""Seconds (before scaling) between two looks at whether the program has ended."""
UNSEEN = 5.0
"""Seconds (before scaling) of silence behind an exception, if the tasks cannot be seen."""
NAMES = dict.fromkeys(("check", "up"), "The device")
"""How messages begin, for names that are espbench's own."""

Ready = Readiness | str | None


_foreign: list[Callable[[], Readiness]] = []


def ready_if_foreign(make: Callable[[], Readiness]) -> None:
    """Set what makes the readiness of a firmware that is not espbench's, for `Device(ready=None)`.

    Such a firmware reports nothing; what it serves is found by a package above this one.
    """
    _foreign[:] = [make]


def readiness_of(ready: Ready, board: Board, elf: Path | None = None) -> Readiness:
    """Return the readiness that `ready` names.

    Args:
        ready: a `Readiness`; "control" (only answers control requests), "http", "https" or both as
            "http+https" (listens for that); None for the board's default, or that of
            `ready_if_foreign` for a firmware without espbench's control channel.
        board: the board, which defines the schemes and ports.
        elf: the firmware's ELF file; None if it does not matter.

    Raises:
        ConfigError: `ready` is unknown.
    """
    if ready is None:
        return _foreign[0]() if _foreign and elf and not has_bench(elf) else board.readiness
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
        goes_on: Callable[[], bool | None] = lambda: None,
    ) -> None:
        """Watch a run.

        Args:
            name: the device's, for messages.
            readiness: the condition to wait for.
            target: the device, as the condition sees it.
            console: the run's.
            control: the run's.
            boots: the run's.
            goes_on: returns whether a task of the program is left; None if nobody can see that.
        """
        self.name = NAMES.get(name, name)
        """How messages about the device begin."""
        self._readiness = readiness
        self._target = target
        self._console = console
        self._control = control
        self._boots = boots
        self._goes_on = goes_on
        self._printed = -1
        self._silence = self._unseen = Deadline(0)

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
            ending = ending_of(text)
            return ended if ending is not None and ending.prompt else None

        ended = "ended"
        found = self._console.wait_for(outcome, deadline)
        if found == ended:
            raise self.not_ready("", ending=self._ending())
        if found is not None and found != "ready":
            raise self.not_ready(f"because it {found}")
        return found is not None

    def wait_for_text(self, pattern: str, deadline: Deadline) -> bool:
        """Return whether the current boot printed `pattern` before the deadline.

        Raises:
            NotReady: the program has ended without it.
        """
        expression = re.compile(pattern, re.MULTILINE)

        def found() -> re.Match[str] | None:
            return expression.search(self._console.text, self._boots.first_text)

        while not deadline.expired():
            slice_ = Deadline(min(LOOK, deadline.remaining()))
            if self._console.wait_for(found, slice_) is not None:
                return True
            self.check_program()
        return self._console.wait_for(found, deadline) is not None

    def check_program(self, awaited: str = "") -> None:
        """Raise an error if the program has ended, so that the device cannot become ready.

        To be called again and again: only silence shows that a program at its end does not go on.

        Args:
            awaited: what it did not do, as `describe` words it; "" for the device's condition.

        Raises:
            NotReady: it has ended; the message begins with the cause.
        """
        ending = self._ending()
        printed = len(self._console.text)
        if ending is None or printed != self._printed:
            self._printed = printed
            self._silence = Deadline(0 if ending is None else ending.silence)
            self._unseen = Deadline(UNSEEN)
            return
        if not self._silence.expired():
            return
        goes_on = self._goes_on()
        if goes_on is None:
            goes_on = not (ending.exception and self._unseen.expired())
        if not goes_on:
            raise self.not_ready("", awaited=awaited, ending=ending)

    def _ending(self) -> Ending | None:
        return ending_of(self._console.text[self._boots.first_text :])

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
        self,
        reason: str,
        *,
        longer: bool = False,
        awaited: str = "",
        hint: str = "",
        ending: Ending | None = None,
    ) -> NotReady:
        """Return the error, with the end of the console and hints.

        Args:
            reason: such as "within 20 s" or "because ...".
            longer: whether the device may just need more time.
            awaited: the condition, as `describe` words it; "" for that of the device.
            hint: what else to do, or "".
            ending: how its program ended, which is why; None if that is not known.
        """
        tail = self._console.tail()
        shown = f"its console ended with:\n{tail}" if tail else "its console shows nothing"
        if ending is None and longer and (found := self._ending()) is not None and found.exception:
            ending = found
        if ending is not None:
            undone = awaited or self.describe()
            return NotReady(f"{ending.cause}, so it did not {undone}; {shown}", tail=tail)
        silent = isinstance(self._readiness, ListeningReadiness) and not self._control.seen
        hints = [hint] if hint else []
        if silent and not self._boots.no_boot:
            hints.append(
                "it sent no control records; for a firmware other than espbench's, say when it "
                "is ready with --ready-console or --ready-http (pytest: --espbench-ready-console, "
                "--espbench-ready-http, Device: ready)"
            )
        if longer:
            hints.append(
                "if it just needs more time: --ready-timeout (pytest: --espbench-ready-timeout, "
                f"Device: ready_timeout), or {SCALE_VARIABLE} on a slow machine"
            )
        if hints:
            reason += f" ({'; '.join(hints)})"
        return NotReady(
            f"{self.name} did not {awaited or self.describe()} {reason}; {shown}", tail=tail
        )
