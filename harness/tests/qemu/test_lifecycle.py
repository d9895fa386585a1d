# SPDX-License-Identifier: MIT
"""No QEMU outlives its test, however the test ends. Every QEMU here is a real process.

Each test runs pytest as a subprocess on a test file that boots a device and reports its processes
through a FIFO. Then something ends the run, and the kernel reports the end of QEMU (pidfd).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.util.tempdirs import PREFIX
from held_run import Run

Start = Callable[..., Run]

HELD = """
def test_held(device):
    tell(device)
    block()
"""


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        pytest.param("def test_it(device): tell(device)", "1 passed", id="passing"),
        pytest.param(
            "def test_it(device):\n    tell(device)\n    assert 0", "1 failed", id="failing"
        ),
        pytest.param(
            """
@pytest.fixture
def broken(device):
    tell(device)
    raise ValueError("in a fixture")
def test_it(broken): pass
""",
            "1 error",
            id="fixture-raises",
        ),
        pytest.param(
            """
@pytest.fixture
def broken(device):
    yield
    tell(device)
    raise ValueError("in a teardown")
def test_it(broken): pass
""",
            "1 passed, 1 error",
            id="teardown-raises",
        ),
        pytest.param(
            "def test_it(device):\n    tell(device)\n    pytest.exit('enough')",
            "no tests ran",
            id="pytest-exit",
        ),
        pytest.param(
            """
def test_it(device_factory):
    for number in range(3):
        tell(device_factory(name=f"number-{number}"))
""",
            "1 passed",
            id="three-devices",
        ),
        pytest.param(
            """
def test_it(device_factory):
    with pytest.raises(Exception):
        device_factory(ready=Never())
class Never:
    def wait(self, device, deadline):
        tell(device)
        return False
    def describe(self, device): return "never be ready"
""",
            "1 passed",
            id="never-ready",
        ),
        pytest.param(
            """
def test_one(shared_device): tell(shared_device)
def test_two(shared_device): assert shared_device.running
""",
            "2 passed",
            id="shared",
        ),
        pytest.param(
            """
def test_it(device):
    tell(device)
    os.kill(device.pid, signal.SIGSTOP)
""",
            "1 passed",
            id="stopped-qemu",
        ),
    ],
)
def test_ordinary_ends(start: Start, source: str, outcome: str) -> None:
    """After each ordinary end of a test, its devices and their files are gone."""
    run = start(source, "--espbench-evidence=never")
    run.devices(3 if "range(3)" in source else 1)
    assert outcome in run.finish()
    run.assert_none_left()
    run.assert_no_files_left()


def test_device_outlives_the_thread_that_started_it(start: Start) -> None:
    """The death signal is tied to a thread, which must not be the caller's."""
    run = start(
        """
def test_it(device_factory):
    found = []
    thread = threading.Thread(target=lambda: found.append(device_factory()))
    thread.start()
    thread.join()
    tell(found[0])
    found[0].monitor("query-status")
    assert found[0].running
"""
    )
    run.devices()
    assert "1 passed" in run.finish()
    run.assert_none_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(start: Start, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and SIGHUP end pytest cleanly."""
    run = start(HELD)
    run.devices()
    run.process.send_signal(number)
    assert "KeyboardInterrupt" in run.finish()
    run.assert_none_left()
    run.assert_no_files_left()


def test_interrupted_while_it_starts(start: Start) -> None:
    """Ctrl-C while a device is not ready yet also ends that device."""
    run = start(
        """
class Never:
    def wait(self, device, deadline):
        tell(device)
        device.console.expect("never", deadline)
    def describe(self, device): return "never be ready"
@pytest.mark.device(ready=Never())
def test_it(device): pass
"""
    )
    run.devices()
    run.process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in run.finish()
    run.assert_none_left()
    run.assert_no_files_left()


def test_interrupted_in_the_middle_of_the_fork(start: Start) -> None:
    """Ctrl-C between the request for a process and its id leaves no process."""
    run = start(
        """
import subprocess
from espbench.qemu import launcher
real = subprocess.Popen
def interrupted(*args, **kwargs):
    process = real(*args, **kwargs)
    while "qemu" not in open(f"/proc/{process.pid}/comm").read(): pass
    with open(os.environ["FIFO"], "w") as fifo:
        fifo.write(f"{process.pid} 0\\n")
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(0.5)
    return process
def test_it(device_factory, monkeypatch):
    monkeypatch.setattr(launcher.subprocess, "Popen", interrupted)
    device_factory()
"""
    )
    run.devices()
    assert "KeyboardInterrupt" in run.finish()
    run.assert_none_left()


def test_killed(start: Start, tmp_path: Path) -> None:
    """`kill -9` of pytest ends its devices at once; the next run removes their files."""
    run = start(HELD)
    run.devices()
    run.process.kill()
    run.assert_none_left()
    assert list((tmp_path / "tmp").glob(f"{PREFIX}*"))
    again = start("def test_it(device): tell(device)")
    again.devices()
    assert "1 passed" in again.finish()
    again.assert_no_files_left()


def test_worker_dies(start: Start) -> None:
    """When a worker of xdist is killed, its devices end, too."""
    run = start(HELD, "-n", "1", "--max-worker-restart=0")
    [(_, worker)] = run.devices()
    assert worker != run.process.pid
    os.kill(worker, signal.SIGKILL)
    run.assert_none_left()
    assert "worker 'gw0' crashed" in run.finish()


def test_workers_side_by_side(start: Start) -> None:
    """Two workers boot devices at the same time, and neither leaves anything behind."""
    run = start(
        """
@pytest.mark.parametrize("number", range(6))
def test_it(device, number):
    tell(device)
    assert device.port(80) != device.port(443)
""",
        "-n",
        "2",
    )
    run.devices(6)
    assert "6 passed" in run.finish()
    run.assert_none_left()
    run.assert_no_files_left()


def test_stopped_and_killed(start: Start) -> None:
    """A stopped QEMU also ends when pytest is killed."""
    run = start(HELD)
    [(qemu, _)] = run.devices()
    os.kill(qemu, signal.SIGSTOP)
    run.process.kill()
    run.assert_none_left()
