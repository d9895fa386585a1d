# SPDX-License-Identifier: MIT
"""pytest-embedded's manager process and its lock, from when they are needed until pytest ends.

pytest-embedded makes both in every session, with a process each, and its manager outlives a pytest
that is killed. Duts in QEMU need neither; those of other services do.
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


class Manager:
    """Takes the place of pytest-embedded's `MessageQueueManager`."""

    def __init__(self) -> None:
        """Begin without a process."""
        self._lock = threading.Lock()
        self._started: Any = None

    def publish(self) -> None:
        """Let pytest-embedded's `DutFactory` find it, which looks for it in a module's variable."""
        vars(plugin)["_MP_MANAGER"] = self

    def MessageQueue(self) -> Any:  # noqa: N802 (pytest-embedded's name)
        """Return a queue that other processes can use."""
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
    """A lock that other processes can be given; to make one starts a process."""

    def __init__(self) -> None:
        """Begin without one."""
        self._made: Any = None

    def _real(self) -> Any:
        if self._made is None:
            self._made = dut_factory._ctx.Lock()
        return self._made

    def __enter__(self) -> Any:
        """Take it."""
        return self._real().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let it go."""
        self._real().__exit__(kind, error, traceback)

    def __reduce__(self) -> tuple[Any, tuple[Any]]:
        """Become the real one in another process."""
        return _itself, (self._real(),)


def _itself(value: Any) -> Any:
    return value


def end_with_parent(parent: int) -> None:
    """Let the kernel end this process when the one that forked it ends, however that ends.

    Args:
        parent: which has forked it, and may have ended already; 0: multiprocessing's own server,
            which ends with pytest.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
