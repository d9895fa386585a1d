# SPDX-License-Identifier: MIT
"""Finds the firmware sources and suites: in the clone, or in an installed wheel.

setup.py copies them into the wheel in the clone's layout. Builds from a clone go to its `build`
folder. An installed package may be read-only, and CI reinstalls it in each run, so its firmware is
built in the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from espbench.errors import BuildError
from espbench.firmware.sources import cache_folder
from espbench.util.repository_files import WHEEL_TREE
from espbench.util.version import __version__

UNUSED = 30 * 24 * 3600
"""Seconds after which an unused build is removed from the cache."""
_BUILD = re.compile(r"\d+\.\d[\w.+]*-[0-9a-f]{12}")
"""Folder names of `builds` in the cache: a version and a digest."""
SUPPORT = (
    "harness/tests/support",
    "harness/tests/support/esp32",
    "harness/tests/support/processes",
)
"""Folders with modules that suites import; also in pytest's `pythonpath` in pyproject.toml."""


def clone() -> Path | None:
    """Return the clone that this espbench runs from, or None if it was installed from a wheel."""
    root = Path(__file__).resolve().parents[3]
    return root if _has_firmware(root) else None


def root() -> Path:
    """Return the folder with firmware sources, suites and baselines.

    Raises:
        BuildError: this espbench came without them.
    """
    found = clone()
    if found is None and _has_firmware(WHEEL_TREE):
        found = WHEEL_TREE
    if found is None:
        raise BuildError(
            "This espbench was installed without the firmware's sources: install it from a wheel "
            "or a clone of the project, or name a firmware with --firmware "
            "(pytest: --espbench-firmware, Device: firmware)."
        )
    return found


def _has_firmware(root: Path) -> bool:
    return (root / "firmware" / "ports").is_dir()


def builds(root: Path) -> Path:
    """Return the folder where a tree's firmware is built, with a subfolder for each board.

    A wheel's sources are built in the cache, where all environments with the same sources share
    one folder.
    """
    if root != WHEEL_TREE:
        return root / "build"
    return cache_folder() / "build" / f"{__version__}-{digest(root)[:12]}"


def used(root: Path) -> None:
    """Mark a tree's builds as used, and remove builds in the cache that have not been used lately.

    Otherwise, the cache would keep a build for every version ever installed. Builds in a clone are
    left alone.
    """
    if root != WHEEL_TREE:
        return
    own, now = builds(root), time.time()
    with contextlib.suppress(OSError):  # a read-only cache works too
        os.utime(own)
        for other in own.parent.iterdir():
            # The user chooses the cache's folder, whose `build` may contain unrelated folders.
            if _BUILD.fullmatch(other.name) and now - other.stat().st_mtime > UNUSED:
                shutil.rmtree(other, ignore_errors=True)


def digest(root: Path) -> str:
    """Return a digest that changes when a file of the firmware's own sources does."""
    made = hashlib.sha256()
    for path in _files(root / "firmware"):
        made.update(f"{path.relative_to(root)}\0".encode())
        made.update(hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


def _files(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in ("tests", "__pycache__"))
        for name in sorted(files):
            path = Path(folder, name)
            if path.is_file() and path.suffix != ".pyc":  # is_file: skips dangling links
                yield path
