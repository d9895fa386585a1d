# SPDX-License-Identifier: MIT
"""Where the features of Linux are missing, as on macOS, devices still run, and end with their test.

The programs and functions are taken away from a pytest subprocess: `setpriv`, pidfds, prctl(2),
the scheduler's affinity, and everything in /proc.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.qemu import launcher, parent_death
from held_run import Run

Start = Callable[..., Run]

HELD = """
def test_held(device):
    tell(device)
    block()
"""

TAKEN_AWAY = """
import ctypes, os, sys
del os.pidfd_open, os.sched_getaffinity

class Library(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "prctl":
            raise AttributeError(name)
        return super().__getattr__(name)

ctypes.CDLL = Library

def no_proc(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith("/proc/"):
        raise FileNotFoundError(2, "taken away", arguments[0])

sys.addaudithook(no_proc)
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python processes that start from here do without Linux."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(folder).glob("*"):
            link = programs / path.name
            if path.name != "setpriv":
                link.unlink(missing_ok=True)
                link.symlink_to(path)
    monkeypatch.setenv("PATH", str(programs))
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "sitecustomize.py").write_text(TAKEN_AWAY)
    monkeypatch.setenv("PYTHONPATH", str(modules))


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_a_device_runs_and_ends(start: Start, options: tuple[str, ...]) -> None:
    """A test passes, and neither QEMU nor files are left."""
    assert shutil.which("setpriv") is None
    run = start("def test_it(device): tell(device)", *options)
    run.devices()
    assert "1 passed" in run.finish()
    run.assert_none_left()
    run.assert_no_files_left()


def test_pytest_is_killed(start: Start) -> None:
    """QEMU ends when pytest is killed, also if it is stopped."""
    run = start(HELD)
    [(pid, _)] = run.devices()
    os.kill(pid, signal.SIGSTOP)
    run.process.kill()
    run.assert_none_left()


def test_worker_is_killed(start: Start) -> None:
    """QEMU ends when its xdist worker is killed."""
    run = start(HELD, "-n", "1", "--max-worker-restart=0")
    [(_, worker)] = run.devices()
    os.kill(worker, signal.SIGKILL)
    run.assert_none_left()
    run.finish()


def test_a_watcher_ends_with_its_process() -> None:
    """The watcher of a process that ended by itself ends, too, and kills nothing."""
    process = launcher.start_piped(["sh", "-c", "exit 7"])
    assert process.stdout is not None
    # The watcher has no copy of the pipe, so this ends with the process.
    assert process.stdout.read() == b""
    assert launcher.wait(process, 10) == 7
    assert launcher._lifelines == {}


def test_a_watcher_kills_when_the_pipe_ends() -> None:
    """Without a word in the pipe, its end means that the parent died."""
    process = launcher.start_piped(["sleep", "60"])
    os.close(launcher._lifelines.pop(process))
    assert launcher.wait(process, 10) == -signal.SIGKILL


def test_no_such_program() -> None:
    """A program that cannot be started ends with a status, and no pipe is left open."""
    process = launcher.start_piped(["/no/such/program"])
    assert launcher.wait(process, 10) == 1
    assert launcher._lifelines == {}


def test_the_command_has_the_process_id(tmp_path: Path) -> None:
    """The watcher is the child, so signals to the process reach the command."""
    reading, writing = os.pipe()
    os.close(writing)
    command = parent_death.watched(["true"], reading)
    os.close(reading)
    assert command[-1] == "true"
    process = launcher.start_piped(["sh", "-c", "echo $$"])
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    launcher.kill(process)
