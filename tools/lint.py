# SPDX-License-Identifier: MIT
"""Check the style of the tree, or fix it with --fix; run every check even if one fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
"""The environment's, because formats differ between versions and the lock pins one."""
TREE = Path(__file__).resolve().parent.parent
PYTHON = ["certs", "ci", "harness", "scenarios", "tools", "firmware", "conftest.py", "setup.py"]


def c_files(tree: Path) -> list[str]:
    """Return the project's own C files, sorted, relative to `tree`."""
    return sorted(
        str(path.relative_to(tree))
        for folder in ("firmware", "harness")
        for pattern in ("*.c", "*.h")
        for path in (tree / folder).rglob(pattern)
    )


def commands(tree: Path, *, fix: bool) -> list[list[str]]:
    """Return the checks' command lines."""
    python = [name for name in PYTHON if (tree / name).exists()]
    ruff, clang = str(PROGRAMS / "ruff"), str(PROGRAMS / "clang-format")
    result = [
        [ruff, "check", "--quiet", *(["--fix"] if fix else []), *python],
        [ruff, "format", "--quiet", *([] if fix else ["--check"]), *python],
    ]
    if not fix:
        result.append([sys.executable, "-m", "mypy"])
        result.append([str(PROGRAMS / "lint-imports"), "--no-logo", "pyproject.toml"])
    files = c_files(tree)
    if files:
        result.append([clang, *(["-i"] if fix else ["--dry-run", "-Werror"]), *files])
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the checks; return 0 when all passed."""
    failed = [
        " ".join([Path(command[0]).name, *command[1 : 3 if command[1] == "-m" else 2]])
        for command in commands(TREE, fix="--fix" in arguments)
        if subprocess.run(command, cwd=TREE, check=False).returncode
    ]
    for name in failed:
        print(f"lint: {name} failed: its errors are above", file=sys.stderr)
    if not failed:
        print("lint: ruff, mypy, import-linter and clang-format passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
