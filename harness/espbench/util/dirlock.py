# SPDX-License-Identifier: MIT
"""Locks a folder, so that only one run at a time writes to it."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
from pathlib import Path

from espbench.errors import ConfigError


class DirectoryLock:
    """An exclusive lock on a folder, held until `release` or the end of the process.

    The lock is a Unix socket with an abstract name (unix(7)), so nothing stays on the disk, not
    even after a SIGKILL. It only works between processes in the same network namespace.
    """

    def __init__(self, folder: Path) -> None:
        """Lock a folder, which need not exist.

        Raises:
            BlockingIOError: another process has locked it.
            ConfigError: this host does not allow such sockets.
        """
        digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
        self.folder = folder
        try:
            self._socket = _bound(f"\0espbench-{digest}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise BlockingIOError(f"Another process is writing to {folder}.") from error
            raise ConfigError(
                f"{folder} could not be locked, because this host refuses a Unix socket with an "
                f"abstract name ({error.strerror}): allow that in the sandbox or container."
            ) from error

    def release(self) -> None:
        """Unlock the folder."""
        self._socket.close()


def _bound(name: str) -> socket.socket:
    """Return a Unix socket bound to this name.

    Raises:
        OSError: it cannot be bound; EADDRINUSE when another process uses the name.
    """
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind(name)
    except BaseException:
        made.close()
        raise
    return made


def first_free(folder: Path) -> DirectoryLock:
    """Lock the folder or, if others have locked it, the first free one of NAME-2, NAME-3, ...

    Raises:
        ConfigError: this host does not allow such locks.
    """
    number = 1
    while True:
        try:
            return DirectoryLock(
                folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
            )
        except BlockingIOError:
            number += 1
