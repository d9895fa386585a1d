# SPDX-License-Identifier: MIT
"""`--espbench-gdb`: the command is shown, time-outs wait, and nothing runs in parallel or ahead."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable

from held_run import Run
from remote_gdb import RemoteGdb

STOPS = """
def test_stops(device):
    assert device.console.text.startswith("somebody")
"""
TWO = """
import threading

def test_a(device):
    threading.Event().wait(1)  # a device for test_b has time to boot ahead

def test_b(device):
    device.console.expect("ready")
"""
SHOWN = re.compile(
    r"^espbench: test_inner\.py::(\w+)\n"
    r"(The device waits for gdb, and starts when gdb continues|To debug the device)[^\n]*\n"
    r"  \S*xtensa-lx106-elf-gdb -ex 'target remote 127\.0\.0\.1:(\d+)' \S+/tiny\.elf$",
    re.M,
)
LIMIT = 0.5
"""Limit of pytest-timeout in seconds."""


def test_each_device_waits(start: Callable[..., Run]) -> None:
    """The command is shown although output is captured; no time-out ends the test meanwhile."""
    options = ("--espbench-gdb-wait", "-p", "pytest_timeout", "--timeout", str(LIMIT))
    run = start(STOPS, *options)
    assert run.process.stdout is not None
    text = ""
    while (found := SHOWN.search(text)) is None:
        line = run.process.stdout.readline()
        assert line, text
        text += line
    assert found[1] == "test_stops"
    assert found[2].startswith("The device waits")
    with contextlib.closing(RemoteGdb(int(found[3]))) as gdb:
        assert gdb.ask("?").startswith("T05")
        threading.Event().wait(2 * LIMIT)
        gdb.detach()
    rest, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 0, text + rest
    assert "1 passed" in rest


def test_no_device_boots_ahead(inner: Callable[..., tuple[int, str]]) -> None:
    """Each command is shown when its own test starts, whatever the size of the pool is."""
    ready = ("--espbench-ready-console", "^ready")
    status, output = inner(TWO, "--espbench-gdb", "--espbench-pool", "2", *ready)
    assert status == 0, output
    assert [match[1] for match in SHOWN.finditer(output)] == ["test_a", "test_b"]
    assert "The device waits" not in output


def test_workers_are_refused(inner: Callable[..., tuple[int, str]]) -> None:
    """One person has one debugger, so a distributed session does not start."""
    for option in ("--espbench-gdb", "--espbench-gdb-wait"):
        status, output = inner(TWO, option, "-n2")
        assert status == 4
        assert output.count("ERROR: ") == 1
        assert (
            "ERROR: --espbench-gdb debugs one device at a time, so pytest-xdist cannot distribute "
            "the tests: omit -n, or add -n 0." in output
        )
