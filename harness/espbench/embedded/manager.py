# SPDX-License-Identifier: MIT
"""pytest-embedded's manager process and lock, created on first use and ended with pytest.

pytest-embedded creates both in every session, with a process each, and its manager outlives a
killed pytest. Duts in QEMU need neither, but those of other services do.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
from types import TracebackType
from typing import Any

from pytest_embedded import dut_factory, plugin
from pytest_embedded.log import MessageQueueManager

PR_SET_PDEATHSIG = 1
"""See prctl(2)."""
LOOK = 0.5
"""Seconds between two looks at the parent where the kernel sends no signal."""


class Manager:
    """Replaces pytest-embedded's `MessageQueueManager`."""

    def __init__(self) -> None:
        """Create the manager without a process."""
        self._lock = threading.Lock()
        self._started: Any = None

    def publish(self) -> None:
        """Set the module variable in which pytest-embedded's `DutFactory` finds the manager."""
        vars(plugin)["_MP_MANAGER"] = self

    def MessageQueue(self) -> Any:  # noqa: N802 (pytest-embedded's name)
        """Return a queue for use by other processes."""
        with self._lock:
            if self._started is None:
                manager = MessageQueueManager()
                forks = multiprocessing.get_start_method() == "fork"
                manager.start(end_with_parent, (os.getpid() if forks else 0,))
                self._started = manager
        return self._started.MessageQueue()

    def shutdown(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            started, self._started = self._started, None
        if started is not None:
            started.shutdown()


class Lock:
    """A lock that can be passed to other processes; creating the real one starts a process."""

    def __init__(self) -> None:
        """Create the lock without the real one."""
        self._made: Any = None

    def _real(self) -> Any:
        if self._made is None:
            self._made = dut_factory._ctx.Lock()
        return self._made

    def __enter__(self) -> Any:
        """Acquire the lock."""
        return self._real().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the lock."""
        self._real().__exit__(kind, error, traceback)

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        """Become the real lock in another process."""
        return _itself, (self._real(),)


def _itself(value: Any) -> Any:
    return value


def end_with_parent(parent: int) -> None:
    """Let this process be killed when its parent ends for any reason.

    Args:
        parent: pid of the parent, which may have ended already, or 0 for multiprocessing's
            server, which ends with pytest.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "prctl"):
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    elif parent:  # not Linux, such as macOS
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if parent and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        threading.Event().wait(LOOK)
    os.kill(os.getpid(), signal.SIGKILL)
