# SPDX-License-Identifier: MIT
"""Private temporary folders: not swept while in use, and removed after their process died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MAKE = "from espbench.util import tempdirs; print(tempdirs.new_folder('x'), flush=True); "


def python(program: str, tmp: Path) -> subprocess.Popen[str]:
    """Start Python with `tmp` as its temporary folder."""
    environment = {**os.environ, "TMPDIR": str(tmp)}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for a process to end successfully; return its output."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.strip()


def test_the_next_process_removes_a_killed_ones_folder(tmp_path: Path) -> None:
    """A folder left by a `kill -9` is removed by the next process."""
    killed = python(MAKE + "input()", tmp_path)
    assert killed.stdout is not None
    left = Path(killed.stdout.readline().strip())
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    assert left.is_dir()
    ended(python(MAKE, tmp_path))
    assert not left.parent.exists()


def test_a_folder_of_another_program_stays(tmp_path: Path) -> None:
    """A folder whose name only begins like ours is not swept, whatever it contains."""
    folder = tmp_path / "espbench-cache"
    folder.mkdir()
    (folder / "lock").touch()
    ended(python(MAKE, tmp_path))
    assert (folder / "lock").exists()


def test_a_living_process_keeps_its_folder(tmp_path: Path) -> None:
    """Another process that starts and ends does not touch the folder of a running one."""
    living = python(MAKE + "input()", tmp_path)
    assert living.stdout is not None
    folder = Path(living.stdout.readline().strip())
    ended(python(MAKE, tmp_path))
    assert folder.is_dir()
    living.communicate("\n", timeout=60)
    assert not folder.parent.exists()


def test_a_folder_is_not_swept_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep between the creation of a folder and its locking leaves it alone."""
    import fcntl

    from espbench.util import tempdirs

    monkeypatch.setattr(tempdirs, "_base", None)
    monkeypatch.setattr(tempdirs, "_descriptor", -1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    real = fcntl.flock
    swept: list[bool] = []

    def flock(descriptor: int, operation: int) -> None:
        if not swept:
            swept.append(True)
            ended(python(MAKE, tmp_path))
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    folder = tempdirs.new_folder("mine")
    assert swept
    assert folder.is_dir()
    tempdirs.remove_all()
    assert not folder.exists()
