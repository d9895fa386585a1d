# SPDX-License-Identifier: MIT
"""Panics of the firmware: decoded, kept as evidence, and survived by the device."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS
from espbench.crash.panic import Panic
from espbench.device.device import Device
from espbench.errors import ControlTimeout
from espbench.reporting.evidence import save
from espbench.util.idf_tools import path_with_gdb
from espbench.util.timeouts import Deadline
from inner_pytest import inner_pytest

INNER = """
def test_it(device):
    device.exec("import bench; bench.panic()")
"""

WITH_CORE_DUMPS = pytest.mark.boards(*(b.name for b in BOARDS.values() if b.core_dumps))
WITH_WATCHDOGS = pytest.mark.boards(*(b.name for b in BOARDS.values() if b.still_watchdogs))


def provoke(device: Device, kind: str) -> Panic:
    """Provoke a panic with `bench.panic` and return it, once the device is ready again."""
    with device.expects_panic(60) as panics:
        device.exec(f"import bench; bench.panic({kind!r})", timeout=60)
    [panic] = panics
    return panic


def functions(panic: Panic) -> list[str]:
    """Return the backtrace's functions without guessed frames, innermost first."""
    return [frame.function for frame in panic.backtrace if not frame.guessed]


def assert_names_the_caller(panic: Panic, *innermost: str) -> None:
    """Assert that the backtrace runs from these functions to MicroPython's call of the module."""
    names = functions(panic)
    wanted = [*innermost, "bench_panic_kind", "bench_panic", "mp_execute_bytecode"]
    assert [name for name in names if name in wanted][: len(wanted)] == wanted, names
    [frame] = [frame for frame in panic.backtrace if frame.function == "bench_panic"]
    assert Path(frame.file).parts[-3:] == ("modules", "bench", "modbench.c")
    assert frame.line > 0


def test_a_load_from_nowhere(shared_device: Device) -> None:
    """A load from a bad address: the panic has the cause, function, line and callers."""
    boots = shared_device.boots
    panic = provoke(shared_device, "exception")
    assert panic.cause == shared_device.board.bad_load
    assert panic.headline.startswith("Guru Meditation Error: Core  0 panic'ed (")
    assert functions(panic)[0] == "bench_panic_exception"
    assert_names_the_caller(panic, "bench_panic_exception")
    assert shared_device.boots == boots + 1
    assert [e["cause"] for e in shared_device.events if e["event"] == "boot"][-1] == "panic"


def test_in_another_thread(shared_device: Device) -> None:
    """The same in the thread that answers the control channel, outside MicroPython."""
    with shared_device.expects_panic(60) as panics:
        shared_device.control.request("panic")
    [panic] = panics
    assert panic.cause == shared_device.board.bad_load
    names = functions(panic)
    assert names[0] == "bench_panic_exception", names
    # Not every processor keeps the caller's frame of a tail call.
    files = {Path(frame.file).name for frame in panic.backtrace if not frame.guessed}
    assert files & {"control.c", "console.c"}, files
    assert "bench_panic" not in names


def test_abort(shared_device: Device) -> None:
    """A call of abort() is reported as such, with its callers."""
    panic = provoke(shared_device, "abort")
    assert panic.cause == "abort"
    assert panic.headline.startswith("abort() was called at PC 0x")
    assert_names_the_caller(panic, "bench_abort")


def test_stack_overflow(shared_device: Device) -> None:
    """A stack overflow is reported as such, with the name of its thread."""
    panic = provoke(shared_device, "stack")
    assert panic.cause == "stack overflow"
    assert panic.headline == (
        f"***ERROR*** A stack overflow in task {shared_device.board.main_thread} has been detected."
    )


def test_evidence(shared_device: Device, tmp_path: Path) -> None:
    """The evidence has the decoded panic, and the panic as the firmware printed it."""
    panic = provoke(shared_device, "exception")
    saved = save(shared_device, tmp_path / "evidence")
    assert saved.problem == ""
    text = (saved.folder / "panic.txt").read_text()
    assert panic.report() in text
    assert f"modbench.c:{panic.backtrace[0].line}" not in text  # the innermost is another file
    assert f"panic.c:{panic.backtrace[0].line}\n" in text
    assert panic.dump.text in text


@WITH_CORE_DUMPS
def test_core_dump(device: Device, tmp_path: Path) -> None:
    """The evidence has ESP-IDF's core dump and, if its gdb is installed, all tasks by function."""
    provoke(device, "exception")
    folder = save(device, tmp_path / "evidence").folder
    core = (folder / "core-1.b64").read_text()
    assert core[:60] not in (folder / "panic.txt").read_text()  # too long to read
    assert len(core) > 10_000  # all stacks
    text = (folder / "core-1.txt").read_text()
    if "check that ESP-IDF's gdb is installed" in text:
        gdb = shutil.which(f"{device.board.toolchain}gdb", path=path_with_gdb(os.environ))
        assert gdb is None, text
        return
    stack, _, others = text.partition("THREADS INFO")
    assert "bench_panic_exception" in stack
    assert "panic.c" in stack
    for task in ("IDLE", "tiT", "mp_task"):
        assert task in others


def test_the_report_of_a_test(board: Board, firmware: Path, tmp_path: Path) -> None:
    """A test whose device panics fails with the panic and its functions, whatever it waits for."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_inner.py").write_text(INNER)
    options = [
        f"--espbench-board={board.name}",
        f"--espbench-firmware={firmware}",
        "--espbench-pool=0",
    ]
    output = inner_pytest(tmp_path, "test_inner.py", *options, status=1)
    assert "Panicked: The guest panicked" in output
    assert f"panic'ed ({board.bad_load})" in output
    assert " bench_panic_exception at " in output
    evidence = tmp_path / "evidence" / "test_inner-test_it"
    assert " bench_panic_exception at " in (evidence / "panic.txt").read_text()


def test_hang(shared_device: Device) -> None:
    """Firmware that hangs with interrupts off prints nothing, and a hardware reset recovers it."""
    with pytest.raises(ControlTimeout):
        shared_device.exec("import bench; bench.panic('hang')", timeout=1)
    with pytest.raises(ControlTimeout):
        shared_device.ping(timeout=1)
    shared_device.reset(hard=True)
    assert shared_device.panicked() is None


def test_reset_with_an_unhandled_frame(shared_device: Device) -> None:
    """A hardware reset recovers firmware that hung before it handled a received frame."""
    with pytest.raises(ControlTimeout):
        shared_device.exec("import bench; bench.panic('hang')", timeout=1)
    capture = shared_device.capture_file
    before = capture.stat().st_size
    with socket.create_connection(("127.0.0.1", shared_device.port(80)), timeout=5):
        deadline = Deadline(10)
        while capture.stat().st_size == before:
            assert not deadline.expired(), "QEMU did not forward the SYN"
            shared_device.monitor("query-status", deadline)
        shared_device.reset(hard=True)
    assert shared_device.panicked() is None


@WITH_WATCHDOGS
@pytest.mark.device(watchdogs=True)
def test_interrupt_watchdog(device: Device) -> None:
    """ESP-IDF's interrupt watchdog ends such a hang, and the panic names the function that hung."""
    panic = provoke(device, "hang")
    assert panic.headline == (
        "Guru Meditation Error: Core  0 panic'ed (Interrupt wdt timeout on CPU0)."
    )
    assert_names_the_caller(panic, "bench_hang")


@WITH_WATCHDOGS
@pytest.mark.device(watchdogs=True)
def test_machine_wdt(device: Device) -> None:
    """A program that does not feed its machine.WDT is ended by the task watchdog."""
    with device.expects_panic(60) as panics:
        device.exec("import machine, time; machine.WDT(timeout=1000); time.sleep(60)", timeout=60)
    [panic] = panics
    assert panic.cause == "task watchdog"
    assert panic.headline == (
        "Task watchdog got triggered. The following tasks/users did not reset the watchdog in "
        "time: mpy_machine_wdt (CPU 0)"
    )
