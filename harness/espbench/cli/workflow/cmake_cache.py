# SPDX-License-Identifier: MIT
"""Reads from a build folder how it was configured: what `idf.py -D NAME=VALUE` has set."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["caches_of", "inside"]

NAME = "CMakeCache.txt"
SOURCE = "CMAKE_HOME_DIRECTORY"
"""The variable with the folder that has the project's CMakeLists.txt."""
_ENTRY = re.compile(r"^([A-Za-z_]\w*):[A-Z]+=(.*)$", re.M)
"""An entry of the cache: name, type and value (cmake(1), "CMake Cache")."""


def caches_of(source: Path) -> list[tuple[Path, Mapping[str, str]]]:
    """Return the build folders in a project's folder and their variables, the newest first."""
    found = []
    for path in [*source.glob(f"*/{NAME}"), *source.glob(f"*/*/{NAME}")]:
        try:
            modified = path.stat().st_mtime_ns
            variables = dict(_ENTRY.findall(path.read_text(encoding="utf-8", errors="replace")))
        except OSError:
            continue
        if variables.get(SOURCE) == str(source.resolve()):
            found.append((modified, path.parent, variables))
    found.sort(key=lambda each: each[:2], reverse=True)
    return [(folder, variables) for _, folder, variables in found]


def inside(text: str, source: Path, root: Path) -> str:
    """Return a path of the cache relative to the repository; "" if it lies elsewhere.

    Args:
        text: the path, absolute or relative to the project.
        source: the project's folder.
        root: the repository, which every checkout has.
    """
    path = Path(os.path.normpath(source.resolve() / text))
    there = path.is_relative_to(root.resolve())
    return path.relative_to(root.resolve()).as_posix() if there else ""
