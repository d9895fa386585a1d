# SPDX-License-Identifier: MIT
"""Options that had another name until 0.1.0 say what it is now, unless the project has them."""

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
    """Run pytest on a test that passes."""
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
    """Each earlier name that was given has its hint."""
    done = session(tmp_path, *(f"{name}=x" for name in RENAMED))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    for name in RENAMED:
        assert f"{name} is now --espbench-{name[2:]}" in done.stderr


def test_addopts(tmp_path: Path) -> None:
    """The hint is there for an option in pytest's ini file, and only for that."""
    done = session(tmp_path, ini="addopts = --board esp32\n")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "espbench: --board is now --espbench-board\n" in done.stderr
    assert "--firmware" not in done.stderr


def test_other_mistakes(tmp_path: Path) -> None:
    """An option that never was is pytest's alone."""
    done = session(tmp_path, "--bord=x")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "espbench:" not in done.stderr


def test_projects_own_option(tmp_path: Path) -> None:
    """A project's own option of that name works."""
    (tmp_path / "conftest.py").write_text(OWN)
    done = session(tmp_path, "--board=mine")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is now" not in done.stdout + done.stderr
