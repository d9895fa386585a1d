# SPDX-License-Identifier: MIT
"""A real gdb debugs an unmodified firmware, by the command that espbench shows."""

from __future__ import annotations

import os
import subprocess

import probe_builds
import pytest
from espbench.boards.builtin import board_named
from espbench.inspect.debugging import Debugging
from espbench.qemu.debugger import find_gdb, freertos_import, missing
from espbench.util.timeouts import Deadline
from probe_builds import Build

WHY = probe_builds.absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "they are here")
DEBUGGER_PATIENCE = 60.0


@pytest.mark.parametrize("build", probe_builds.builds(), ids=lambda build: build.name)
def test_backtrace(build: Build) -> None:
    """The guest waits, stops at a breakpoint with its callers, and becomes ready after that."""
    board = board_named(build.board)
    gdb = find_gdb(board, os.environ)
    if gdb is None:
        pytest.skip(missing(board, os.environ))
    commands = ["break app_main", "continue", "backtrace"]
    with_tasks = bool(freertos_import(gdb))
    commands += ["freertos task"] if with_tasks else []
    more = " ".join(f"-ex '{command}'" for command in [*commands, "detach"])
    started: list[subprocess.Popen[str]] = []

    def show(text: str) -> None:
        command = text.splitlines()[1]
        started.append(
            subprocess.Popen(
                f"exec {command} -nx -batch {more}",
                shell=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )

    try:
        with build.device(debugging=Debugging(show, wait=True)):
            output, _ = started[0].communicate(timeout=Deadline(DEBUGGER_PATIENCE).seconds)
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert "#0  app_main () at " in output, output
    assert "#1  0x" in output
    assert " in main_task (" in output
    if with_tasks:
        assert "IDLE" in output
