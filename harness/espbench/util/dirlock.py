# SPDX-License-Identifier: MIT
"""Locks a folder, so that one run at a time writes there."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from pathlib import Path

from espbench.errors import ConfigError


class Claim:
    """A folder that this process has for itself, until `release` or its end, however it ends.

    It is a socket of an abstract name (unix(7)): nothing stays on the disk, not even after a
    SIGKILL. Only processes in one network namespace see each other.
    """

    def __init__(self, folder: Path) -> None:
        """Claim a folder, which need not exist.

        Raises:
            BlockingIOError: another process has it.
            ConfigError: this host does not let us find out.
        """
        digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
        self.folder = folder
        try:
            self._socket = _bound(f"\0espbench-{digest}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise BlockingIOError(f"{folder} is written by another process.") from error
            raise ConfigError(
                f"Whether another run writes {folder} cannot be found out, because this host "
                f"refuses a Unix socket with an abstract name ({error.strerror}): allow that in "
                "the sandbox or container."
            ) from error

    def release(self) -> None:
        """Let others have it."""
        self._socket.close()


def _bound(name: str) -> socket.socket:
    """Return a Unix socket of this name.

    Raises:
        OSError: it cannot be had; EADDRINUSE when another process has it.
    """
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind(name)
    except BaseException:
        made.close()
        raise
    return made


def first_free(folder: Path) -> Claim:
    """Claim a folder, or the first of those with a number behind its name, from 2 on.

    Raises:
        ConfigError: as `Claim` does.
    """
    number = 1
    while True:
        try:
            return Claim(folder if number == 1 else folder.with_name(f"{folder.name}-{number}"))
        except BlockingIOError:
            number += 1
