# SPDX-License-Identifier: MIT
"""Write the requirements' lock files with the environment's uv."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
NAMES = ("requirements", "requirements-lab", "requirements-docs")
"""In this order: the first constrains the others."""


def main() -> int:
    """Resolve for every platform and for Python 3.11 and newer; return an exit status."""
    return max(map(_compile, NAMES))


def _compile(name: str) -> int:
    return subprocess.run(
        [
            str(Path(sys.executable).parent / "uv"),
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
