# SPDX-License-Identifier: MIT
"""`espbench up` as a process: its output, its terminal, and its QEMU."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
from espbench.util.timeouts import Deadline

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""Select Graphic Rendition (ECMA-48), as sent to terminals."""


class Up:
    """A running `espbench up`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        terminal: bool = False,
        more: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.shown = ""
        self._descriptor, theirs = pty.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, **(more or {})},
            start_new_session=True,
        )
        os.close(theirs)

    def wait_for(self, pattern: str, seconds: float = 60.0) -> re.Match[str]:
        """Wait until the output matches a pattern; return the match."""
        deadline = Deadline(seconds)
        while not (found := re.search(pattern, self.shown, re.MULTILINE)):
            ready, _, _ = select.select([self._descriptor], [], [], deadline.remaining())
            assert ready, f"{pattern!r} did not appear: {self.shown}"
            piece = os.read(self._descriptor, 65536)
            assert piece, f"espbench up ended before {pattern!r} appeared: {self.shown}"
            text = piece.decode(errors="replace").replace("\r\n", "\n")
            self.shown += COLOUR.sub("", text)
        return found

    def type(self, text: str) -> None:
        """Type into its terminal."""
        os.write(self._descriptor, text.encode())

    @property
    def terminal(self) -> int:
        """The file descriptor of its terminal."""
        return self._descriptor

    def qemu(self) -> psutil.Process:
        """Return its QEMU."""
        (found,) = (
            process
            for process in psutil.Process(self.process.pid).children(recursive=True)
            if "qemu" in process.name()
        )
        return found

    def end(self) -> None:
        """End it, and the shell that started it, if any."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(Deadline(20).seconds)
        os.close(self._descriptor)


@contextlib.contextmanager
def ended(up: Up) -> Iterator[Up]:
    """Yield it, and end it after the block."""
    try:
        yield up
    finally:
        up.end()


def running(
    *arguments: str, terminal: bool = False, more: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[Up]:
    """Yield a running `espbench up`, which ends after the block."""
    command = [sys.executable, "-m", "espbench", "up", *arguments]
    return ended(Up(command, terminal=terminal, more=more))
