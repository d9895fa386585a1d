# SPDX-License-Identifier: MIT
"""Install a second set of locked packages into a separate folder beside the environment."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
PATIENCE_S = 240.0


def install(name: str) -> Path:
    """Return the folder, for PYTHONPATH, with the packages of `requirements-NAME.lock`.

    They are installed once per version of the lock file. Concurrent processes wait for the first.

    Raises:
        subprocess.CalledProcessError: pip failed; its errors are on standard error.
        subprocess.TimeoutExpired: pip took longer than `PATIENCE_S`.
    """
    lock = TREE / f"requirements-{name}.lock"
    folder = TREE / "build" / f"{name}-packages"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    with (folder / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not wanted.exists():
            with tempfile.TemporaryDirectory(dir=folder) as fresh:
                pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
                pip += ["--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
                subprocess.run([*pip, "--target", f"{fresh}/all"], check=True, timeout=PATIENCE_S)
                shutil.move(f"{fresh}/all", wanted)
    return wanted
