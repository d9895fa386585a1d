"""One run at a time writes a folder: two of them at once would mix what they leave."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path


class Claim:
    """A folder that this process has for itself, until `release` or its end, however it ends.

    It is a socket of an abstract name (unix(7)): nothing stays on the disk, not even after a
    SIGKILL. Only processes in one network namespace see each other.
    """

    def __init__(self, folder: Path) -> None:
        """Claim a folder, which need not exist.

        Raises:
            BlockingIOError: another process has it.
        """
        digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
        self.folder = folder
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.bind(f"\0espbench-{digest}")
        except OSError as error:
            self._socket.close()
            raise BlockingIOError(f"{folder} is written by another process.") from error

    def release(self) -> None:
        """Let others have it."""
        self._socket.close()


def first_free(folder: Path) -> Claim:
    """Claim a folder, or the first of those with a number behind its name, from 2 on."""
    number = 1
    while True:
        try:
            return Claim(folder if number == 1 else folder.with_name(f"{folder.name}-{number}"))
        except BlockingIOError:
            number += 1
