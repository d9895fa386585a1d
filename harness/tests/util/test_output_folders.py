# SPDX-License-Identifier: MIT
"""A command removes nothing that it did not create."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.reporting import evidence
from espbench.util import output_folders

SUITE = """
def test_it(device):
    assert device.console.text == "{text}"
"""


def test_a_folder_of_ours_is_cleared(tmp_path: Path) -> None:
    """The next run gets the same folder, emptied."""
    folder = tmp_path / "out" / "evidence"
    for _ in range(2):
        assert output_folders.fresh(folder) == folder
        assert [path.name for path in folder.iterdir()] == [output_folders.MARK]
        (folder / "of-this-run").mkdir()
        output_folders.remove_if_unused(folder)
        assert folder.exists()
    assert output_folders.fresh(folder) == folder
    output_folders.remove_if_unused(folder)
    assert not folder.exists()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """An empty folder is used even if it is not ours."""
    assert output_folders.fresh(tmp_path) == tmp_path


@pytest.mark.parametrize("kind", ["folder", "file", "link", "dead link"])
def test_other_peoples_files_stay(kind: str, tmp_path: Path) -> None:
    """A folder, file or link that is not ours is left alone, and ours gets a number."""
    folder = tmp_path / "evidence"
    target = tmp_path / "elsewhere"
    if kind == "folder":
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
    elif kind == "file":
        folder.write_text("mine")
    else:
        folder.symlink_to(target)
        if kind == "link":
            output_folders.fresh(target)
            (target / "notes.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert output_folders.fresh(folder) == tmp_path / "evidence-2"
    assert output_folders.fresh(folder) == tmp_path / "evidence-2"
    assert sorted(set(tmp_path.rglob("*")) - set(before)) == [
        tmp_path / "evidence-2",
        tmp_path / "evidence-2" / output_folders.MARK,
    ]


def test_run_into_the_project(tmp_path: Path, tiny_firmware: Callable[..., Path]) -> None:
    """`espbench run --out .` leaves the project's own folder `evidence` alone, and says so."""
    mine = tmp_path / "evidence" / "test_rare-test_it" / "recording.espbench"
    mine.parent.mkdir(parents=True)
    mine.write_text("once in a hundred runs")
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE.format(text="never"))
    command = [sys.executable, "-m", "espbench", "run", str(suite), "--out", ".", "--jobs", "1"]
    command += ["--firmware", str(tiny_firmware())]
    # This firmware reports no figures, so waiting for them is kept short.
    environment = {**os.environ, "ESPBENCH_TIMEOUT_SCALE": "0.3"}
    for _ in range(2):
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        assert (
            f"{tmp_path}/evidence is not from an earlier run, so it is kept, and the evidence of "
            f"this run goes to {tmp_path}/evidence-2." in done.stdout
        )
        (failure,) = json.loads((tmp_path / "run.json").read_text())["failures"]
        (folder,) = failure["evidence"]
        assert Path(folder).parent == tmp_path / "evidence-2"
        assert mine.read_text() == "once in a hundred runs"
    assert sorted(path.name for path in tmp_path.glob("evidence*")) == ["evidence", "evidence-2"]


def test_evidence_beside_something_else(tmp_path: Path, tiny_firmware: Callable[..., Path]) -> None:
    """A test's evidence replaces earlier evidence, but no other folder of the same name."""
    device = Device(BOARDS["lx60"], tiny_firmware(), name="it")
    folder = tmp_path / "evidence" / "test_it"
    assert evidence.save(device, folder).problem == ""
    (folder / "stale").touch()
    assert evidence.save(device, folder).problem == ""
    assert not (folder / "stale").exists()
    for path in folder.iterdir():
        path.unlink()
    (folder / "notes.txt").write_text("mine")
    saved = evidence.save(device, folder)
    assert str(saved) == (
        f"{folder} (incomplete: a file or folder of that name exists already: move it away)"
    )
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
