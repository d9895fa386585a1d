# SPDX-License-Identifier: MIT
"""A disk that fills up during a session: clear errors, a non-zero status, nothing left over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_disk import FILL, SmallDisk, why_not

FAILS = "\n@READY\ndef test_fails(device):\n    fill({pages})\n    assert 0, 'of its own'\n"
PASSES = "\n@READY\ndef test_passes(device):\n    fill()\n"
RUN = """
import sys
from espbench.cli import main as cli
from espbench.perf import figures
measured = figures.Measured((figures.Figure("boot", "Boot", 1.0, "ms"),), ())
figures.quick = lambda board, firmware: measured
sys.exit(cli.main(sys.argv[1:]))
"""
"""`espbench run` with fake figures, which would need espbench's own firmware."""


@pytest.fixture
def disk(tmp_path: Path) -> SmallDisk:
    """Return a small disk in an empty project."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return SmallDisk(tmp_path)


def session(disk: SmallDisk, firmware: Path, source: str) -> tuple[int, str]:
    """Run a test, with all output of the plugin and pytest on the disk."""
    (disk.path.parent / "test_inner.py").write_text(FILL + source)
    ended = disk.run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:pytest_embedded"),
        f"--espbench-firmware={firmware}",
        *("--espbench-evidence-dir=full/evidence", "--espbench-report=full/report.html"),
        "--junitxml=full/suites.xml",
    )
    return ended.returncode, ended.stdout


def test_disk_fills_before_a_test_fails(disk: SmallDisk, tiny_firmware: Callable[[], Path]) -> None:
    """The failure is reported, and so is each missing part of evidence, JUnit XML and page."""
    status, output = session(disk, tiny_firmware(), FAILS.format(pages=0))
    assert status == 1
    assert "AssertionError: of its own" in output
    folder = disk.path / "evidence" / "test_inner-test_fails"
    assert (
        f"evidence: full/evidence/test_inner-test_fails (incomplete: the disk of {folder} is full, "
        "so evidence is missing: free some space there)\n"
    ) in output
    assert (
        "espbench: The disk is full, so full/suites.xml is missing or cut off: free some space.\n"
    ) in output
    assert (
        f"espbench: The disk of {disk.path} is full, so the report report.html is missing: free "
        "some space there.\n"
    ) in output
    assert "Traceback" not in output
    assert "INTERNALERROR" not in output
    assert disk.files() == {"rest"}
    disk.assert_nothing_left()


def test_console_comes_first(disk: SmallDisk, tiny_firmware: Callable[[], Path]) -> None:
    """With space for one file, the console is saved, and no truncated file."""
    # and one page for the .gitignore next to it
    status, output = session(disk, tiny_firmware(), FAILS.format(pages=2))
    assert status == 1
    assert "so evidence is missing: free some space there)\n" in output
    console = "evidence/test_inner-test_fails/console.txt"
    assert disk.files() == {"rest", "evidence/.gitignore", console}
    disk.assert_nothing_left()


def test_session_whose_tests_pass(disk: SmallDisk, tiny_firmware: Callable[[], Path]) -> None:
    """A session fails if its report or JUnit XML is missing."""
    status, output = session(disk, tiny_firmware(), PASSES)
    assert status == 1
    assert "1 passed" in output
    assert "so full/suites.xml is missing or cut off" in output
    assert "so the report report.html is missing" in output
    disk.assert_nothing_left()


def run(disk: SmallDisk, firmware: Path, *options: str) -> tuple[int, str]:
    """Run `espbench run` on a test that fills the disk."""
    source, driver = (disk.path.parent / name for name in ("test_inner.py", "driver.py"))
    source.write_text(FILL + PASSES)
    driver.write_text(RUN)
    ended = disk.run(
        *(sys.executable, str(driver), "run", str(source), "--firmware", str(firmware)),
        *("--jobs", "1", *options),
    )
    return ended.returncode, ended.stdout


def test_run(disk: SmallDisk, tiny_firmware: Callable[[], Path]) -> None:
    """The results are printed, and the missing report, results and JUnit XML are named."""
    status, output = run(disk, tiny_firmware(), "--out", str(disk.path))
    assert status == 1
    assert "inner: 1 passed, 0 failed" in output
    for name in ("report.html", "run.json"):
        assert (
            f"The disk of {disk.path} is full, so {name} is missing: free some space.\n"
        ) in output
    assert f"The disk is full, so {disk.path}/junit.xml is missing or cut off" in output
    assert "Traceback" not in output
    assert not disk.files() & {"report.html", "run.json", "junit.xml", "history.jsonl"}
    disk.assert_nothing_left()


def test_history(disk: SmallDisk, tiny_firmware: Callable[[], Path], tmp_path: Path) -> None:
    """A history that cannot be extended is reported, also in the report on another disk."""
    status, output = run(
        disk, tiny_firmware(), "--out", str(tmp_path / "out"), "--history", "full/history.jsonl"
    )
    assert status == 1
    sentence = (
        "The history full/history.jsonl cannot be read and written (No space left on device): "
        "name another file with --history."
    )
    assert f"{sentence}\n" in output
    assert sentence in (tmp_path / "out" / "report.html").read_text()
    assert disk.files() == {"rest"}
    disk.assert_nothing_left()


def test_why_no_disk() -> None:
    """The reason quotes the kernel's error, and suggests root only to other users."""
    said = "unshare: unshare failed: Operation not permitted"
    assert why_not(said, root=True) == (
        f"no tmpfs can be mounted ({said}): root lacks CAP_SYS_ADMIN, as in a container"
    )
    assert why_not(said, root=False) == (
        f"no tmpfs can be mounted ({said}): allow user namespaces, or run as root"
    )
