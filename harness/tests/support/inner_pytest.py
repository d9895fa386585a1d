"""A pytest of its own in another process, for tests of what a user's pytest does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def inner_pytest(folder: Path, *arguments: str, status: int = 0) -> str:
    """Return what pytest printed; it runs in `folder`, with its temporary files.

    Args:
        folder: where.
        arguments: pytest's.
        status: how it has to end; 0 is that all passed.
    """
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout
