# SPDX-License-Identifier: MIT
"""`MakePaths`: replaces paths with spaces or special characters by links that make can handle.

GNU make splits words at spaces even inside quotes, and `$`, `#`, `%` and `:` are special to it.
A link has the same name in every build, because objects and their dependency files contain it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from espbench.errors import BuildError

_PLAIN = re.compile(r"[A-Za-z0-9_./+,@-]+")


def is_plain(path: Path) -> bool:
    """Return whether make and the shell can use a path unquoted; pure."""
    return _PLAIN.fullmatch(str(path)) is not None


class MakePaths:
    """Creates links for paths that make cannot handle."""

    def __init__(self, folder: Path | None = None) -> None:
        """Create links in `folder`, by default a folder in /tmp that belongs to this user."""
        self._folder = folder or Path("/tmp", f"espbench-{os.getuid()}")

    def __call__(self, path: Path) -> Path:
        """Return a path to the same file or folder that make can handle.

        Raises:
            BuildError: the link cannot be created.
        """
        if is_plain(path):
            return path
        if path.is_dir():
            return self._link(path)
        # Python looks for its virtual environment one folder above its own.
        top = path.parents[1]
        return self._link(top) / path.relative_to(top)

    def _link(self, target: Path) -> Path:
        link = self._folder / hashlib.sha256(os.fsencode(target)).hexdigest()[:12]
        try:
            self._own_folder(target)
            if not (link.is_symlink() and link.readlink() == target):
                new = link.with_name(f"{link.name}.{os.getpid()}")
                new.symlink_to(target)
                new.replace(link)
        except OSError as error:
            raise BuildError(
                f"make cannot handle the path {target}, and the link {link} to it could not be "
                f"created ({error.strerror}): move the project to a path of letters and digits."
            ) from error
        return link

    def _own_folder(self, target: Path) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        status = self._folder.lstat()
        mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if not mine or status.st_mode & 0o022:
            raise BuildError(
                f"make cannot handle the path {target}, and {self._folder}, the folder for a link "
                "to it, is writable by others: remove that folder, then build again."
            )
