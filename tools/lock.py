# SPDX-License-Identifier: MIT
"""Writes the locks of the requirements with uv, which is fetched for this only."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
NAMES = ("requirements", "requirements-lab", "requirements-docs")
"""In this order: the first constrains the others."""


def main() -> int:
    """Resolve for every platform and for Python 3.11 and newer; return an exit status."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([f"{folder}/bin/pip", "install", "--quiet", "uv"], check=True)
        return max(_compile(folder, name) for name in NAMES)


def _compile(folder: str, name: str) -> int:
    return subprocess.run(
        [
            f"{folder}/bin/uv",
            "pip",
            "compile",
            "--quiet",
            "--universal",
            "--python-version=3.11",
            "--generate-hashes",
            "--no-emit-index-url",
            "--no-header",
            "--no-annotate",
            "--upgrade",
            f"{name}.in",
            f"--output-file={name}.lock",
        ],
        cwd=TREE,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
