# SPDX-License-Identifier: MIT
"""Runs one of Espressif's installers: its output goes to a log, its progress to a status line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

__all__ = ["Child", "Ended"]

PATIENCE = 5.0
"""Seconds that an interrupted installer has to end by itself."""


@dataclass(frozen=True)
class Ended:
    """How an installer ended.

    Attributes:
        status: exit status; the negated signal number if a signal killed it.
        lines: its output.
    """

    status: int
    lines: Sequence[str]


@dataclass(frozen=True)
class Child:
    """What all installers share.

    Attributes:
        environment: their environment.
        log: open file for their output.
        lock: descriptor that they inherit. If espbench is killed, the lock is held until they end.
        progress: called with their last line of output.
    """

    environment: Mapping[str, str]
    log: TextIO
    lock: int
    progress: Callable[[str], None]

    def run(self, command: Sequence[str], folder: Path | None = None) -> Ended:
        """Run a command to its end; end it, and its children, if we are interrupted.

        Raises:
            OSError: it cannot be started, or the log cannot be written.
        """
        self.log.write(f"$ {' '.join(command)}\n")
        lines: list[str] = []
        with subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,  # git's carriage returns end lines, too
            errors="replace",
            env=dict(self.environment),
            pass_fds=(self.lock,),
            start_new_session=True,
        ) as process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    self.log.write(line)
                    if text := line.strip():
                        lines.append(text)
                        self.progress(text)
            except BaseException:
                _end(process)
                raise
        self.log.flush()
        return Ended(process.returncode, lines)


def _end(process: subprocess.Popen[str]) -> None:
    """End the process group, politely at first: git removes what it has not finished."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
