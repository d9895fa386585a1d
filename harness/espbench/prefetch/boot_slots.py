# SPDX-License-Identifier: MIT
"""Limits how many devices boot ahead at a time, across all processes of this user.

A turn is a file lock, which the kernel releases when the process ends, even if it is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from pathlib import Path

from espbench.firmware.sources import cache_folder


def turns(cores: int, workers: int) -> int:
    """Return how many devices may boot ahead at a time: the number of cores without a worker.

    A boot keeps a core busy most of the time, so on a worker's core it would only slow that down.
    """
    return max(0, cores - workers)


def usable_cores() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def turns_folder() -> Path:
    """Return the folder of the locks, which all processes of this user share."""
    return cache_folder() / "turns"


class Turn:
    """A place in a queue; if the folder is not writable, nobody waits."""

    def __init__(self, folder: Path, number: int) -> None:
        """Prepare to wait in queue `number`; one at a time in each queue has its turn."""
        self._path = folder / str(number)
        self._lock = threading.Lock()
        self._descriptor = -1
        self._given_up = False

    def wait(self) -> bool:
        """Wait for the turn; return False if it has been given up meanwhile."""
        descriptor = -1
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with self._lock:
            if not self._given_up:
                self._descriptor = descriptor
                return True
        if descriptor >= 0:
            os.close(descriptor)
        return False

    def give_up(self) -> None:
        """Let the next one in, now or as soon as the turn comes; may be called repeatedly."""
        with self._lock:
            self._given_up = True
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
