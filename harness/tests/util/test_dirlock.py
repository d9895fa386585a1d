# SPDX-License-Identifier: MIT
"""Two simultaneous runs in one tree leave two sets of evidence, and never one mixed set."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from espbench.errors import ConfigError
from espbench.util.dirlock import DirectoryLock, first_free

Inner = Callable[..., tuple[int, str]]

HOLD = """
import sys
from pathlib import Path
from espbench.util.dirlock import DirectoryLock
claim = DirectoryLock(Path(sys.argv[1]))
print("claimed", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another_run() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Return a function that claims a folder in another process."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(folder)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


AnotherRun = Callable[[Path], "subprocess.Popen[str]"]


def test_claim(tmp_path: Path, another_run: AnotherRun) -> None:
    """A folder has one writer, whatever path leads to it, until the writer ends or is killed."""
    folder = tmp_path / "evidence"
    other = another_run(folder)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(BlockingIOError, match="Another process is writing to"):
        DirectoryLock(tmp_path / "link" / "evidence")
    second = first_free(folder)
    assert second.folder == tmp_path / "evidence-2"
    third = first_free(folder)
    assert third.folder == tmp_path / "evidence-3"
    other.kill()
    other.wait()
    first = first_free(folder)
    assert first.folder == folder
    assert not list(tmp_path.glob("evidence*"))
    for claim in (first, second, third):
        claim.release()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EMFILE])
def test_a_host_that_refuses(number: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refusal for another reason is a clear error, and not mistaken for another process."""
    tries = 0

    def refuse(*_arguments: object) -> None:
        nonlocal tries
        tries += 1
        assert tries == 1, "it tries another name"
        raise OSError(number, os.strerror(number))

    class Refused(socket.socket):
        bind = refuse

    monkeypatch.setattr(socket, "socket", Refused)
    with pytest.raises(ConfigError) as error:
        first_free(tmp_path / "evidence")
    assert str(error.value) == (
        f"{tmp_path}/evidence could not be locked, because this host refuses a Unix socket with "
        f"an abstract name ({os.strerror(number)}): allow that in the sandbox or container."
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_evidence_of_two_sessions(
    workers: tuple[str, ...], inner: Inner, tmp_path: Path, another_run: AnotherRun
) -> None:
    """The second session says where its evidence goes, and does not touch the first one's."""
    of_the_first = tmp_path / "evidence" / "test_inner-test_it" / "console.txt"
    of_the_first.parent.mkdir(parents=True)
    of_the_first.write_text("the first run's")
    source = "def test_it(device): assert False"
    ready = ("--espbench-ready-console", "^ready")
    other = another_run(tmp_path / "evidence")
    status, output = inner(source, *ready, *workers)
    assert status == 1
    assert (
        "espbench: another run is using evidence, so the evidence of this one goes to evidence-2"
        in output
    )
    assert "evidence: evidence-2/test_inner-test_it" in output
    assert "ready" in (tmp_path / "evidence-2/test_inner-test_it/console.txt").read_text()
    assert of_the_first.read_text() == "the first run's"
    other.kill()
    other.wait()
    status, output = inner(source, *ready, *workers)
    assert "another run" not in output
    assert of_the_first.read_text() != "the first run's"


@pytest.mark.parametrize("command", ["run", "parity"])
def test_results_of_two_runs(command: str, tmp_path: Path, another_run: AnotherRun) -> None:
    """A second run into the same folder ends before it touches the first one's results."""
    another_run(tmp_path)
    arguments = [sys.executable, "-m", "espbench", command, "--out", str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"espbench: Another run is writing to {tmp_path}: wait for it to finish, or choose another "
        "folder with --out.\n"
    )
    assert not list(tmp_path.iterdir())
