# SPDX-License-Identifier: MIT
"""Marks the folders that espbench creates, so that it never clears any others."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

MARK = ".espbench"
"""The file that marks a folder as ours. It is empty, so it fits even on a full disk."""


def fresh(folder: Path) -> Path:
    """Create or clear a folder, mark it as ours and return it.

    If `folder` holds files that are not ours, use the first of NAME-2, NAME-3, ... that does not.

    Raises:
        OSError: the folder cannot be created or cleared.
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
    """Remove a folder of ours if it holds nothing but the mark."""
    if _is_ours(folder) and [path.name for path in folder.iterdir()] == [MARK]:
        shutil.rmtree(folder)


def _is_ours(path: Path) -> bool:
    return not path.is_symlink() and (path / MARK).is_file()


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
