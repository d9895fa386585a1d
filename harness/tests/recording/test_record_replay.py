# SPDX-License-Identifier: MIT
"""Record and replay: an intermittent failure becomes a file that repeats it."""

from __future__ import annotations

import contextlib
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS
from espbench.certs import recipes
from espbench.clients import Endpoints, Tls
from espbench.clients.errors import ConnectionEnded
from espbench.device.device import Device
from espbench.qemu.guest_memory import symbol_address
from espbench.recording.replay import choose_qemu, replay, unpacked
from remote_gdb import RemoteGdb

pytestmark = pytest.mark.boards(*(b.name for b in BOARDS.values() if not b.unrecordable))

CERTS = recipes()["p256"]
FLAKY = """
import bench, time
from esp32 import httpserver

buffer = b"21.5"

def temperature(*_):
    if buffer is None:
        bench.panic()  # stands for a driver that follows a null pointer
    httpserver.send(buffer)

httpserver.on("/temperature", temperature)
httpserver.start()
while True:
    buffer = None if time.ticks_ms() % 8 == 0 else b"21.5"
    httpserver.process_queue(1)
"""
"""Responds, unless a request comes in the one millisecond in eight in which it has no buffer."""
REPLAYS = 10
PC = 16
"""Index of the program counter, after A0 to A15, in the registers that QEMU gives to gdb."""


def provoke(device: Device) -> None:
    """Send requests at random times until the device panics."""
    endpoints = Endpoints(device, Tls(trust=CERTS.trust))
    rng = random.SystemRandom()
    with contextlib.suppress(ConnectionEnded):  # caused by the panic
        for _ in range(300):
            assert endpoints.http.get("/temperature").status == 200
            device.wait_for_change(rng.random() / 50)


@pytest.fixture(scope="module")
def flaky(
    board: Board, firmware: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str, str]:
    """Return a recording of a panic, with the console's text and the panic of that run."""
    path = tmp_path_factory.mktemp("flaky") / "recording.espbench"
    device = Device(board, firmware, files={"/main.py": FLAKY}, record=True, ready="http")
    with contextlib.closing(device):
        device.start()
        device.keep_recording(path, "flaky")
        with device.expects_panic(60) as panics:
            provoke(device)
        device.stop()
        assert device.recorder is not None
        assert device.recorder.problem == ""
        return path, device.console.text, str(panics[0])


def test_repeats_ten_times(flaky: tuple[Path, str, str]) -> None:
    """A failure caused by a client's timing is repeated each time, without a client."""
    path, console, panic = flaky
    assert "bench_panic_exception" in panic
    for _ in range(REPLAYS):
        shown: list[str] = []
        with unpacked(path) as (manifest, folder):
            program = choose_qemu(manifest, None)
            outcome = replay(manifest, folder, program, show=shown.append)
        assert outcome.difference == ""
        assert [str(found) for found in outcome.panics] == [panic]
        assert "".join(shown) == console


def test_breakpoint_in_a_replay(board: Board, flaky: tuple[Path, str, str]) -> None:
    """With --gdb, the guest waits, stops at a breakpoint, and continues to the same outcome."""
    path, _, _ = flaky
    with unpacked(path) as (manifest, folder):
        elf = folder / manifest.elf
        address = symbol_address(elf, "bench_panic_exception")
    assert address is not None
    command = [sys.executable, "-m", "espbench", "replay", str(path), "--gdb"]
    with _started(command) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("The guest waits for gdb.")
        line = process.stdout.readline()
        found = re.fullmatch(
            rf" +{board.toolchain}gdb -ex 'target remote 127\.0\.0\.1:(\d+)' (.*/firmware\.elf)\n",
            line,
        )
        assert found, line
        assert Path(found[2]).is_file()
        absent = shutil.which("xtensa-lx106-elf-gdb") is None
        assert process.stdout.readline().startswith(
            "xtensa-lx106-elf-gdb is not on PATH" if absent else "Ctrl-C here"
        )
        gdb = RemoteGdb(int(found[1]))
        with contextlib.closing(gdb):
            assert gdb.run_to(address).startswith("T05")
            assert gdb.registers()[PC] == address
            gdb.detach()
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "Same outcome: " in output
    assert "bench_panic_exception" in output
    assert not Path(found[2]).exists()


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_another_outcome(flaky: tuple[Path, str, str], tmp_path: Path) -> None:
    """A replay that differs from its recording is reported with the first line that differs."""
    path, _, _ = flaky
    changed = tmp_path / "changed.espbench"
    old, new = b"(LoadProhibited)", b"(StoreProhibited)"
    with unpacked(path) as (manifest, folder):
        console = folder / "console.raw"
        assert old in console.read_bytes()
        console.write_bytes(console.read_bytes().replace(old, new))
        from espbench.recording import archive

        archive.write(changed, manifest, {name: folder / name for name in manifest.files})
    command = [sys.executable, "-m", "espbench", "replay", str(changed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert re.search(
        r"espbench: Different outcome: Line \d+ of the console was recorded as "
        r".*StoreProhibited.*, but is .*LoadProhibited.* in the replay\.",
        done.stderr,
    )


def test_network_and_tls(board: Board, firmware: Path, tmp_path: Path) -> None:
    """HTTPS over a lossy network, control requests and a reset are replayed."""
    path = tmp_path / "recording.espbench"
    device = Device(board, firmware, files=CERTS.on_device(), record=True)
    with contextlib.closing(device):
        device.start()
        device.keep_recording(path)
        endpoints = Endpoints(device, Tls(trust=CERTS.trust))
        with device.network.loss(0.05):
            assert endpoints.https.get("/hello").status == 200
        device.exec("print('x' * 2000); " + "x = 1; " * 100)
        device.reset()
        assert endpoints.http.get("/hello").status == 200
        before = device.heap()
        device.stop()
        assert device.recorder is not None
        assert device.recorder.problem == ""
    with unpacked(path) as (manifest, folder):
        outcome = replay(manifest, folder, choose_qemu(manifest, None))
        assert outcome.difference == ""
        assert f'"free":{before.free}'.encode() in (folder / "run/console.raw").read_bytes()
