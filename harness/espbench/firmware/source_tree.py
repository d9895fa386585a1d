# SPDX-License-Identifier: MIT
"""Where firmware sources and suites are: in the clone, or in the package that a wheel installed.

setup.py copies them into the wheel, in the clone's own layout. What is built from a clone goes to
its `build`. An installed package may be read-only, and CI makes it anew in each run: its firmware
is built in the cache.
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
from espbench.util.carried import CARRIED
from espbench.util.version import __version__

UNUSED = 30 * 24 * 3600
"""Seconds after which a build in the cache is taken for one that nobody wants any more."""
_BUILD = re.compile(r"\d+\.\d[\w.+]*-[0-9a-f]{12}")
"""Names of what `builds` returns in the cache: a version and a digest."""
SUPPORT = (
    "harness/tests/support",
    "harness/tests/support/esp32",
    "harness/tests/support/processes",
)
"""Folders with modules that suites import; pytest's `pythonpath` in pyproject.toml has them too."""


def clone() -> Path | None:
    """Return the clone that this espbench runs from, or None when a wheel was installed."""
    root = Path(__file__).resolve().parents[3]
    return root if _has_firmware(root) else None


def root() -> Path:
    """Return the folder with firmware sources, suites and baselines.

    Raises:
        BuildError: there are none.
    """
    found = clone()
    if found is None and _has_firmware(CARRIED):
        found = CARRIED
    if found is None:
        raise BuildError(
            "This espbench was installed without the firmware's sources: install it from a wheel "
            "or a clone of the project, or name a firmware with --firmware "
            "(pytest: --espbench-firmware)."
        )
    return found


def _has_firmware(root: Path) -> bool:
    return (root / "firmware" / "ports").is_dir()


def builds(root: Path) -> Path:
    """Return the folder where a tree's firmware is built, a folder for each board.

    Sources that a wheel brought are built in the cache. The same sources have one folder there,
    whichever environment they are installed in.
    """
    if root != CARRIED:
        return root / "build"
    return cache_folder() / "build" / f"{__version__}-{digest(root)[:12]}"


def used(root: Path) -> None:
    """Note that a tree's builds are in use, and remove those of other trees that no longer are.

    Each set of sources that a wheel ever brought would stay in the cache otherwise. What is in a
    clone is left alone.
    """
    if root != CARRIED:
        return
    own, now = builds(root), time.time()
    with contextlib.suppress(OSError):  # a cache on a read-only disk serves all the same
        os.utime(own)
        for other in own.parent.iterdir():
            # The cache is where the user says, and `build` there may have others' folders in it.
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
            if path.is_file() and path.suffix != ".pyc":  # a link to nowhere is none
                yield path
