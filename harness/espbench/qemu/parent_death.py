# SPDX-License-Identifier: MIT
"""Command lines whose process ends when its parent does, even if SIGKILL ended that.

Linux has `PR_SET_PDEATHSIG` (prctl(2)) for this, which `setpriv` (util-linux) sets between fork and
exec. Elsewhere, such as on macOS, a second process waits for the end of a pipe that only the parent
holds open.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["ENDED", "guarded", "watched"]

ENDED = b"."
"""What the parent writes into the pipe once the process has ended by itself."""

_GUARD = '[ "$PPID" = "$0" ] && exec "$@"'
"""Closes the gap between fork and prctl: if the parent died in between, the signal will never come,
but the parent process id has changed."""
_WATCH = """
import os, signal, sys
watched, pipe = os.getpid(), int(sys.argv[1])
if os.fork() == 0:
    os.closerange(0, pipe)
    os.closerange(pipe + 1, os.sysconf("SC_OPEN_MAX"))
    if not os.read(pipe, 1):
        os.kill(watched, signal.SIGKILL)
    os._exit(0)
os.close(pipe)
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Forks the watcher, then becomes the command, so that the command has the process id."""


def guarded(command: Sequence[str], parent: int, setpriv: str) -> list[str]:
    """Return the command line that runs `command` until `parent` (this process) ends; pure."""
    return [setpriv, "--pdeathsig", "KILL", "--", "sh", "-c", _GUARD, str(parent), *command]


def watched(command: Sequence[str], pipe: int) -> list[str]:
    """Return the command line that runs `command` until a pipe ends; pure.

    Args:
        command: program and arguments.
        pipe: the end to read, which the process inherits. `ENDED` in it stops the watching.
    """
    return [sys.executable, "-I", "-S", "-c", _WATCH, str(pipe), *command]
