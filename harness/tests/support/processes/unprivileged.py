# SPDX-License-Identifier: MIT
"""Commands whose file permissions count, also when the tests run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

CAPABILITIES = "-dac_override,-dac_read_search"
"""capabilities(7) by which root passes over permissions."""


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`, held to file permissions; return what it printed."""
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
