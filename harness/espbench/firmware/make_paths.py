# SPDX-License-Identifier: MIT
"""Paths that make and the shell take as they are: links stand for those with a space or worse.

GNU make splits words at spaces, whatever quotes are around them, and `$`, `#`, `%` and `:` mean
something to it. Each link has the same name in every build, because objects and their lists of
headers name it.
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
    """Return whether make and the shell take a path as it is; pure."""
    return _PLAIN.fullmatch(str(path)) is not None


class MakePaths:
    """Puts links in the place of paths that make cannot take."""

    def __init__(self, folder: Path | None = None) -> None:
        """Make links in a folder, by default one of this user's in /tmp."""
        self._folder = folder or Path("/tmp", f"espbench-{os.getuid()}")

    def __call__(self, path: Path) -> Path:
        """Return a path to the same file or folder that make can take.

        Raises:
            BuildError: the link cannot be made.
        """
        if is_plain(path):
            return path
        if path.is_dir():
            return self._link(path)
        # Python looks for its environment one folder above the one that it is in.
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
                f"make cannot take the path {target}, and {link}, a link in its place, could not "
                f"be made ({error.strerror}): move the project to a path of letters and digits."
            ) from error
        return link

    def _own_folder(self, target: Path) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        status = self._folder.lstat()
        mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if not mine or status.st_mode & 0o022:
            raise BuildError(
                f"make cannot take the path {target}, and others can write to {self._folder}, "
                "where a link in its place would be: remove that folder, then build again."
            )
