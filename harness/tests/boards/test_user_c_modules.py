# SPDX-License-Identifier: MIT
"""The servers as user C modules in a firmware without the bench: MicroPython's ESP32_GENERIC."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import idf_flash
import pytest
import stock_esp32
from espbench.boards.readiness import ConsoleReadiness
from espbench.device.device import Device

WHY = stock_esp32.absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "they are here")

FOLDER = stock_esp32.TREE / "build" / "stock-esp32"
BOOT = 120.0
"""Seconds until the prompt: both cores run, which is slow in an emulator."""
OURS = ("qemu_workarounds", "ports/common", "modules/bench", "ports/esp32/startup")
"""Parts of the bench that must not be in the firmware."""


@pytest.fixture(scope="module")
def built() -> Path:
    """Return the folder with the firmware."""
    return stock_esp32.build(FOLDER)


@pytest.fixture(scope="module")
def device(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """Return the booted firmware, at its prompt."""
    image = tmp_path_factory.mktemp("stock") / "flash.bin"
    image.write_bytes(idf_flash.flash(built))
    ready = ConsoleReadiness(r"^>>> $")
    with Device("esp32", image, ready=ready, ready_timeout=BOOT) as booted:
        yield booted


def run(device: Device, *lines: str) -> str:
    """Run these lines at the prompt; return the output of the last one."""
    output = ""
    for line in lines:
        output = device.console.repl(line, timeout=60.0)
    return output.strip()


def test_nothing_of_the_bench_is_in_it(built: Path) -> None:
    """Neither workarounds for the emulator nor code for tests is compiled or wrapped."""
    commands = (built / "compile_commands.json").read_text()
    assert "modules/webserver/server.c" in commands
    assert "ports/esp32/servers/network_task.c" in commands
    for name in OURS:
        assert name not in commands, name
    link = subprocess.run(
        ["ninja", "-C", str(built), "-t", "commands", "micropython.elf"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "--wrap=mp_deinit" in link
    for symbol in ("malloc", "mem_malloc", "sys_timeout", "tcp_timer_needed"):
        assert f"--wrap={symbol} " not in link, symbol


def test_modules_are_there(device: Device) -> None:
    """The servers' modules can be imported, the bench's module cannot."""
    assert run(device, "import httpserver, wsserver, webrepl", "print(webrepl.start)") == (
        "<function>"
    )
    assert "ImportError" in run(device, "import bench")


def test_it_serves(device: Device) -> None:
    """A handler answers a request over lwIP's loopback, before and after a soft reset."""
    for _ in range(2):
        answer = run(
            device,
            "import httpserver, socket",
            "httpserver.on('/x', lambda request: 'served')",
            "print(httpserver.start(max_http=3))",
            "s = socket.socket(); s.connect(('127.0.0.1', 80))",
            "n = s.send(b'GET /x HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')",
            "n = httpserver.process_queue(5000)",
            "print(s.recv(500)[-6:])",
        )
        assert answer == "b'served'"
        device.console.send("\x04")
        device.console.expect("soft reboot", timeout=30.0)
        device.console.expect(">>> ", timeout=60.0)
