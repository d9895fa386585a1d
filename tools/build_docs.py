# SPDX-License-Identifier: MIT
"""Build the documentation's site in build/docs/site.

python tools/build_docs.py              # any warning is an error
python tools/build_docs.py --serve      # on loopback; rebuilds when a page changes
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import locked_packages

TREE = Path(__file__).resolve().parent.parent
SITE = TREE / "build" / "docs" / "site"


def environment() -> dict[str, str]:
    """Return environment variables with which Python finds MkDocs and the hooks."""
    tools = TREE / "tools"
    paths = [str(path) for path in (locked_packages.install("docs"), tools, tools / "docs")]
    # Otherwise Material for MkDocs prints an advertisement.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "NO_MKDOCS_2_WARNING": "1"}


def command(*arguments: str) -> list[str]:
    """Return MkDocs' command line."""
    return [sys.executable, "-m", "mkdocs", *arguments]


def main(arguments: Sequence[str]) -> int:
    """Build or serve the site; return an exit status."""
    if "--serve" in arguments:
        return subprocess.run(command("serve"), cwd=TREE, env=environment(), check=False).returncode
    done = subprocess.run(command("build", "--clean"), cwd=TREE, env=environment(), check=False)
    if done.returncode:
        print("docs: the site was not built: the errors are above", file=sys.stderr)
        return 1
    print(f"docs: {SITE / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
