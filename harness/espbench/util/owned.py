# SPDX-License-Identifier: MIT
"""Marks folders that a command made, so that it clears no others."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

MARK = ".espbench"
"""The file that marks a folder as ours. It is empty, so it takes no room on a full disk."""


def fresh(folder: Path) -> Path:
    """Make an empty folder of ours and return it.

    It is `folder`, or, where somebody else's files are in that, the first that is free or ours of
    those with a number behind its name, from 2 on.

    Raises:
        OSError: it cannot be made or cleared.
    """
    for number in itertools.count(1):
        path = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        if _is_ours(path):
            shutil.rmtree(path)
        elif path.is_symlink() or (path.exists() and not _is_empty(path)):
            continue
        path.mkdir(parents=True, exist_ok=True)
        (path / MARK).touch()
        return path
    raise AssertionError("there is always another number")


def remove_if_unused(folder: Path) -> None:
    """Remove a folder of ours in which nothing was left."""
    if _is_ours(folder) and [path.name for path in folder.iterdir()] == [MARK]:
        shutil.rmtree(folder)


def _is_ours(path: Path) -> bool:
    return not path.is_symlink() and (path / MARK).is_file()


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
