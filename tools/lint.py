"""Checks (or with --fix repairs) the style of the tree; runs every check even when one fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
PYTHON = ["harness", "scenarios", "tools", "firmware", "conftest.py", "setup.py"]


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
    clang = ["clang-format", "-i"] if fix else ["clang-format", "--dry-run", "-Werror"]
    result = [
        ["ruff", "check", "--quiet", *(["--fix"] if fix else []), *python],
        ["ruff", "format", "--quiet", *([] if fix else ["--check"]), *python],
    ]
    if not fix:
        result.append([sys.executable, "-m", "mypy"])
    files = c_files(tree)
    if files:
        result.append([*clang, *files])
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the checks; return 0 when all were content."""
    failed = [
        " ".join(command[:3] if command[0] == sys.executable else command[:2])
        for command in commands(TREE, fix="--fix" in arguments)
        if subprocess.run(command, cwd=TREE, check=False).returncode
    ]
    for name in failed:
        print(f"lint: {name} has complaints, above", file=sys.stderr)
    if not failed:
        print("lint: ruff, mypy and clang-format are content")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
