# SPDX-License-Identifier: MIT
"""A small file system: a tmpfs that only one command and its children see."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

SIZE = "256k"
WAYS = (["unshare", "-m"], ["unshare", "-rm"])
"""Commands for root, and for users who may create a user namespace."""
MOUNTED = f"""
mount -t tmpfs -o size={SIZE} none "$DISK" || exit 99
"$@"
status=$?
find "$DISK" -type f -size +0 -printf '%P\\n' > "$LISTING"
exit $status
"""

FILL = """
import os
from pathlib import Path
import pytest
from espbench import ConsoleReadiness

READY = pytest.mark.device(ready=ConsoleReadiness("^ready"))

def fill(pages=0):
    rest = Path(os.environ["DISK"]) / "rest"
    with rest.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))
    os.truncate(rest, rest.stat().st_size - 4096 * pages)
"""
"""The beginning of a test module that fills the disk except for some pages."""


def why_not(reason: str, *, root: bool) -> str:
    """Return why no tmpfs can be mounted, given mount's output and whether root tried; pure."""
    if root:
        return f"no tmpfs can be mounted ({reason}): root lacks CAP_SYS_ADMIN, as in a container"
    return f"no tmpfs can be mounted ({reason}): allow user namespaces, or run as root"


class SmallDisk:
    """A runner of commands with a small file system at `path`."""

    def __init__(self, folder: Path) -> None:
        """Find out how to mount it here; skip the test if nothing may."""
        self.path = folder / "full"
        self.temporary = folder / "tmp"
        self._folder = folder
        self._listing = folder / "listing.txt"
        for place in (self.path, self.temporary):
            place.mkdir()
        reason = "unshare: not installed"
        self._way: list[str] | None = None
        for way in WAYS if shutil.which("unshare") else ():
            tried = self._run(way, "true")
            if tried.returncode == 0:
                self._way = way
                return
            reason = (tried.stdout.strip().splitlines() or [reason])[-1]
        pytest.skip(why_not(reason, root=os.geteuid() == 0))

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command with an empty disk; its standard error is part of its output."""
        assert self._way is not None
        return self._run(self._way, *command)

    def _run(self, way: list[str], *command: str) -> subprocess.CompletedProcess[str]:
        paths = {"DISK": self.path, "LISTING": self._listing, "TMPDIR": self.temporary}
        return subprocess.run(
            [*way, "sh", "-c", MOUNTED, "sh", *command],
            cwd=self._folder,
            env={**os.environ, **{name: str(path) for name, path in paths.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def files(self) -> set[str]:
        """Return the non-empty files that the last command left on the disk."""
        return set(self._listing.read_text().splitlines())

    def assert_nothing_left(self) -> None:
        """Assert that no process names our temporary folder, and that the folder is empty."""
        here = str(self.temporary)
        left = [
            p for p in psutil.process_iter(["cmdline"]) if here in " ".join(p.info["cmdline"] or ())
        ]
        assert not left
        assert not list(self.temporary.glob("espbench*"))
