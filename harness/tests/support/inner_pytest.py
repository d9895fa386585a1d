"""A pytest of its own in another process, for tests of what a user's pytest does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def inner_pytest(folder: Path, *arguments: str) -> str:
    """Return what pytest printed; it runs in `folder`, with its temporary files, and passes."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
