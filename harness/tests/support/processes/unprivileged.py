# SPDX-License-Identifier: MIT
"""Run commands that are subject to file permissions, even if the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

CAPABILITIES = "-dac_override,-dac_read_search"
"""capabilities(7) with which root bypasses file permissions."""


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, subject to file permissions; return its output."""
    prefix: list[str] = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        assert setpriv is not None, "util-linux has setpriv"
        prefix = [setpriv, f"--bounding-set={CAPABILITIES}"]
    return subprocess.run(
        [*prefix, *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
