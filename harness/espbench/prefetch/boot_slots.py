# SPDX-License-Identifier: MIT
"""Limits how many devices boot ahead at a time, over all processes of this user.

A turn is a lock on a file, which the kernel gives back when its process ends, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from pathlib import Path

from espbench.firmware.sources import cache_folder


def turns(cores: int, workers: int) -> int:
    """Return how many boots ahead may run at a time: as many as there are cores without a worker.

    A boot takes a core for most of its time, so on a core that a worker uses it only slows that.
    """
    return max(0, cores - workers)


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0))


def turns_folder() -> Path:
    """Return where the locks are: where all processes of this user find them."""
    return cache_folder() / "turns"


class Turn:
    """A place in one queue; without a folder to write to there is no queue, and no waiting."""

    def __init__(self, folder: Path, number: int) -> None:
        """Prepare to wait for turn `number`; whoever names the same waits in the same queue."""
        self._path = folder / str(number)
        self._lock = threading.Lock()
        self._descriptor = -1
        self._given_up = False

    def wait(self) -> bool:
        """Wait until it is this one's turn; return whether it is still wanted."""
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
        """Let the next one in, now or as soon as the turn comes; harmless when repeated."""
        with self._lock:
            self._given_up = True
            descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
