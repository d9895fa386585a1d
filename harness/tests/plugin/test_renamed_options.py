# SPDX-License-Identifier: MIT
"""Options renamed for 0.1.0 give a hint with the new name, unless the project defines them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from espbench.plugin.options import RENAMED

OWN = """
def pytest_addoption(parser):
    parser.addoption("--board")
"""


def session(folder: Path, *arguments: str, ini: str = "") -> subprocess.CompletedProcess[str]:
    """Run pytest on a passing test."""
    (folder / "pytest.ini").write_text(f"[pytest]\n{ini}")
    (folder / "test_it.py").write_text("def test_it(): pass\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_in_one_error(tmp_path: Path) -> None:
    """Each renamed option that was given has a hint."""
    done = session(tmp_path, *(f"{name}=x" for name in RENAMED))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    for name in RENAMED:
        assert f"{name} is now --espbench-{name[2:]}" in done.stderr


def test_addopts(tmp_path: Path) -> None:
    """An option in pytest's ini file has a hint, and no other does."""
    done = session(tmp_path, ini="addopts = --board esp32\n")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "espbench: --board is now --espbench-board\n" in done.stderr
    assert "--firmware" not in done.stderr


def test_other_mistakes(tmp_path: Path) -> None:
    """An unknown option gives pytest's error without a hint."""
    done = session(tmp_path, "--bord=x")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "espbench:" not in done.stderr


def test_projects_own_option(tmp_path: Path) -> None:
    """A project's own option with an old name works."""
    (tmp_path / "conftest.py").write_text(OWN)
    done = session(tmp_path, "--board=mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is now" not in done.stdout + done.stderr
