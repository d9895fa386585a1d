# SPDX-License-Identifier: MIT
"""Private temporary folders; after a `kill -9`, the next process removes them.

Each process has one folder with a locked file in it. The kernel releases the lock when the process
ends, so a folder whose lock is free is abandoned. Unlike process ids, this also works between
containers that share /tmp.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import itertools
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path

from espbench.errors import DiskFull

PREFIX = "espbench-"
_NAME = re.compile(rf"{PREFIX}[a-z0-9_]{{8}}")
"""Names that tempfile.mkdtemp makes from the prefix; other folders may begin with it, too."""
_LOCK = "lock"

_lock = threading.Lock()
_base: Path | None = None
_descriptor = -1
_numbers = itertools.count(1)


def new_folder(name: str) -> Path:
    """Create and return an empty folder that only this user can read.

    Raises:
        DiskFull: the folder could not be created.
    """
    try:
        folder = _own_base() / f"{name}-{next(_numbers)}"
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise DiskFull(
            f"No temporary folder could be created in {tempfile.gettempdir()} "
            f"({error.strerror}): free some space there, or point TMPDIR elsewhere."
        ) from error
    return folder


def remove_folder(folder: Path) -> None:
    """Remove `folder` and its contents, if it exists."""
    shutil.rmtree(folder, ignore_errors=True)


def _own_base() -> Path:
    global _base, _descriptor
    with _lock:
        if _base is None or not _base.is_dir():
            _sweep(Path(tempfile.gettempdir()))
            _base = Path(tempfile.mkdtemp(prefix=PREFIX))
            # Renamed only once it is locked: otherwise another process could sweep this folder
            # between the two steps, because its lock would still be free.
            unlocked = _base / f"{_LOCK}.new"
            _descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(_descriptor, fcntl.LOCK_EX)
            unlocked.rename(_base / _LOCK)
        return _base


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that have ended."""
    for folder in parent.glob(f"{PREFIX}*"):
        if not _NAME.fullmatch(folder.name):
            continue
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.getuid() or not (folder / _LOCK).is_file():
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def _forget() -> None:
    """Reset the state in a forked child: the folder and its lock belong to the parent."""
    global _base, _descriptor, _lock
    if _descriptor >= 0:
        os.close(_descriptor)
    _base, _descriptor, _lock = None, -1, threading.Lock()


os.register_at_fork(after_in_child=_forget)


@atexit.register
def remove_all() -> None:
    """Remove this process's folder."""
    global _base, _descriptor
    with _lock:
        if _base is not None:
            shutil.rmtree(_base, ignore_errors=True)
            os.close(_descriptor)
            _base, _descriptor = None, -1
