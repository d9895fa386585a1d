# SPDX-License-Identifier: MIT
"""Starts processes that cannot outlive this one.

Where `setpriv` is installed, the kernel kills the child when its parent dies; elsewhere a watcher
does (see `parent_death`). The kernel's signal is tied to the *thread* that forked, so a single
thread, which lives as long as the process, does all the forking. Nothing runs between fork and exec
in this process, because `preexec_fn` is not safe in a process with threads.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import select
import shutil
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from espbench.qemu.parent_death import ENDED, guarded, watched

Process = subprocess.Popen[bytes]

_live: set[Process] = set()
_lifelines: dict[Process, int] = {}
"""Our ends of the pipes on which watchers wait."""
_lock = threading.Lock()


class _Launcher:
    """The thread that forks."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[tuple[Future[Process], dict[str, object]]] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._run, name="espbench-launcher", daemon=True).start()

    def _run(self) -> None:
        while True:
            future, arguments = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                process: Process = subprocess.Popen(**arguments)  # type: ignore[call-overload]
            except Exception as error:  # noqa: BLE001 (raised again in the waiting thread)
                future.set_exception(error)
                continue
            with _lock:
                _live.add(process)
            future.set_result(process)

    def start(self, **arguments: object) -> Process:
        future: Future[Process] = Future()
        self._jobs.put((future, arguments))
        try:
            return future.result()
        except BaseException:
            # Ctrl-C while waiting: the process may still start, and nothing else would end it.
            if not future.cancel():
                future.add_done_callback(_discard)
            raise


def _discard(future: Future[Process]) -> None:
    if not future.cancelled() and future.exception() is None:
        kill(future.result())


_launcher: _Launcher | None = None


def _forget() -> None:
    """Reset the state in a forked child: it lacks the thread, and the processes are not its own."""
    global _launcher, _lock
    _launcher = None
    _lock = threading.Lock()
    _live.clear()
    while _lifelines:  # a watcher must not take this child for its parent
        os.close(_lifelines.popitem()[1])


os.register_at_fork(after_in_child=_forget)


def start_piped(command: Sequence[str]) -> Process:
    """Start `command`, which cannot outlive this process, with pipes to its stdin and stdout.

    Raises:
        OSError: the program cannot be started.
    """
    return _start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def start(
    command: Sequence[str], *, pass_fds: Sequence[int], stderr: Path, cwd: Path | None = None
) -> Process:
    """Start `command` in a new session, so that it does not get a terminal's Ctrl-C.

    Args:
        command: program and arguments.
        pass_fds: descriptors that it inherits under the same numbers.
        stderr: file to which standard output and standard error are appended.
        cwd: working directory.

    Raises:
        OSError: the program cannot be started.
    """
    with stderr.open("ab") as output:
        return _start(
            command,
            pass_fds=tuple(pass_fds),
            stdin=subprocess.DEVNULL,
            stdout=output.fileno(),
            stderr=output.fileno(),
            cwd=cwd,
        )


def start_on(command: Sequence[str], *, console: int, stderr: Path) -> Process:
    """Start `command` in a new session, with one descriptor as its standard input and output.

    Args:
        command: program and arguments.
        console: the descriptor, such as one end of a socket pair.
        stderr: file to which standard error is appended.

    Raises:
        OSError: the program cannot be started.
    """
    with stderr.open("ab") as output:
        return _start(command, stdin=console, stdout=console, stderr=output.fileno())


def _start(command: Sequence[str], pass_fds: Sequence[int] = (), **arguments: object) -> Process:
    global _launcher
    with _lock:
        if _launcher is None:
            _launcher = _Launcher()
    arguments |= {"start_new_session": True}
    if setpriv := shutil.which("setpriv"):
        line = guarded(command, os.getpid(), setpriv)
        return _launcher.start(args=line, pass_fds=pass_fds, **arguments)
    reading, writing = os.pipe()
    try:
        line = watched(command, reading)
        process = _launcher.start(args=line, pass_fds=(*pass_fds, reading), **arguments)
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    with _lock:
        _lifelines[process] = writing
    return process


def wait(process: Process, timeout: float) -> int | None:
    """Return the exit status if `process` ends within `timeout` seconds, else None.

    Waits on a pidfd (pidfd_open(2)) where there are some, because `Popen.wait` with a time-out
    polls.
    """
    if process.poll() is None:
        if hasattr(os, "pidfd_open"):
            _wait_on_pidfd(process, timeout)
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, timeout))
    status = process.poll()
    if status is not None:
        _ended(process)
    return status


def _wait_on_pidfd(process: Process, timeout: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(max(0.0, timeout) * 1000)
        finally:
            os.close(descriptor)


def _ended(process: Process) -> None:
    """Forget a process that has been waited for, and let its watcher end."""
    with _lock:
        _live.discard(process)
        lifeline = _lifelines.pop(process, None)
    if lifeline is not None:
        with contextlib.suppress(BrokenPipeError):  # the watcher was killed with its group
            os.write(lifeline, ENDED)
        os.close(lifeline)


def kill(process: Process) -> None:
    """Kill `process` with SIGKILL, which also ends a stopped or hung process, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()
    _ended(process)


@atexit.register
def kill_all() -> None:
    """Kill every process started by this module that is still running."""
    with _lock:
        left = list(_live)
    for process in left:
        kill(process)


def live() -> list[int]:
    """Return the ids of the processes that were started and have not been waited for."""
    with _lock:
        return sorted(process.pid for process in _live)
