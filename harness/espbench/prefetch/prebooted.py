# SPDX-License-Identifier: MIT
"""`Spare`: a device that boots ahead in its own thread and waits, paused, for its test."""

from __future__ import annotations

import enum
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from espbench.device.device import Device
from espbench.prefetch.boot_slots import Turn
from espbench.util.timeouts import Deadline

CHANGES_ANYWAY = "PYTEST_"
"""Prefix of environment variables to ignore: pytest sets PYTEST_CURRENT_TEST for each test."""


Kind = Literal["device", "shared_device"]
"""The fixtures whose devices boot ahead."""
Owner = tuple[str, Kind]
"""A test's id and the fixture that will use the device."""


class State(enum.Enum):
    """State of a spare device."""

    QUEUED = "waiting for its turn"
    BOOTING = "booting"
    DONE = "ready, or failed"
    DROPPED = "no longer wanted"


def surroundings() -> tuple[Path, Mapping[str, str]]:
    """Return the process state that affects a boot; a test may change it for itself."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith(CHANGES_ANYWAY)}
    return Path.cwd(), variables


class Spare:
    """A device that boots ahead."""

    def __init__(self, device: Device, inputs: tuple[Any, ...], owner: Owner, turn: Turn) -> None:
        """Boot as soon as its turn comes.

        Args:
            device: the device, not started yet.
            inputs: its `boot_inputs`.
            owner: the test and fixture that it is for.
            turn: the turn to wait for.
        """
        self.device = device
        self.inputs = inputs
        self.owner = owner
        self._turn = turn
        self._state = State.QUEUED
        self._launched = False
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._error: Exception | None = None
        self._surroundings: object = None
        self._thread = threading.Thread(target=self._run, name="espbench-pool", daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- for the test

    def claim(self) -> bool:
        """Return whether the test can have it; if still queued, a new device would be faster."""
        with self._lock:
            if self._state is State.QUEUED:
                self._state = State.DROPPED
                self._over.set()
        # From now on a test waits for it, as if it booted itself, so it needs no turn.
        self._turn.give_up()
        return self._state is not State.DROPPED

    def undisturbed(self) -> bool:
        """Return whether its boot began in the current surroundings."""
        return self._surroundings in (None, surroundings())

    def hand_over(self) -> Device:
        """Wait until it is ready, and return it as if it had just become so.

        Raises:
            EspbenchError: its start failed, or QEMU has died since.
        """
        since = time.monotonic()
        try:
            self._over.wait()
        except BaseException:
            self.drop()
            self._over.wait()
            raise
        if self._error is not None:
            raise self._error
        waited = time.monotonic() - since
        try:
            self.device.resume()
        except BaseException:
            self.device.stop()
            raise
        self.device.timeline.add("handed_over", test_waited=round(waited, 6))
        return self.device

    # ---------------------------------------------------------------- otherwise

    def drop(self) -> None:
        """End it in any state; `join` waits until it has ended."""
        with self._lock:
            before, self._state = self._state, State.DROPPED
            launched = self._launched
            if before is State.QUEUED:
                self._over.set()
        self._turn.give_up()
        if before is State.BOOTING and launched:
            self.device.stop()  # wakes the thread, which cleans up
        elif before is State.DONE:
            self.device.close()

    def join(self) -> None:
        """Wait until its thread has ended, or only waits for a turn that it will not use."""
        self._over.wait()

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        wanted = self._turn.wait()
        with self._lock:
            if wanted and self._state is State.QUEUED:
                self._state = State.BOOTING
                self._surroundings = surroundings()
        try:
            if self._state is State.BOOTING:
                self._boot()
        except Exception as error:  # noqa: BLE001 (raised for the test that gets it)
            self._error = error
            self.device.stop()
        finally:
            with self._lock:
                if self._state is State.BOOTING:
                    self._state = State.DONE
                dropped = self._state is State.DROPPED
            if dropped:
                self.device.close()
            self._turn.give_up()
            self._over.set()

    def _boot(self) -> None:
        deadline = Deadline(self.device.ready_timeout)
        self.device.start(wait=False)
        with self._lock:
            self._launched = True
            if self._state is not State.BOOTING:
                return
        self.device.wait_ready(deadline)
        self.device.pause()
