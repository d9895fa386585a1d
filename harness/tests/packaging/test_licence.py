# SPDX-License-Identifier: MIT
"""Each source file names its licence."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[3]
LINE = "SPDX-License-Identifier: MIT"
WITHOUT = frozenset({".json", ".lock", ".md", ".png", ".typed", ".xz"})
"""Documents, data without comments, and generated or empty files."""


def tracked() -> list[Path]:
    """Return the files that git knows; skips the test if this tree is not a clone."""
    if not (TREE / ".git").exists():
        pytest.skip("not a clone: git does not know the files")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=TREE, check=True, capture_output=True, text=True
    ).stdout
    return [TREE / name for name in listed.split("\0") if name]


def test_each_file_names_its_licence() -> None:
    """One of the first three lines names it, after `#!` or `<!doctype html>`."""
    found = [
        path
        for path in tracked()
        if path.is_file() and path.suffix not in WITHOUT and path.name != "LICENSE"
    ]
    assert len(found) > 600
    assert [
        str(path.relative_to(TREE))
        for path in found
        if not any(LINE in line for line in path.read_text(encoding="utf-8").split("\n", 3)[:3])
    ] == []
