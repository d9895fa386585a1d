# SPDX-License-Identifier: MIT
"""Fixtures for the harness's tests: tiny firmware, as machine code small enough to read."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from held_run import Run

RAM = 0x60000000
UART_DATA = 0x9D050020

# The output of binutils-xtensa-lx106 for the following; the literals precede it, at RAM:
#           mov.n a6, a2                (the boot tags, for tests that read the registers)
#           nop.n
#           l32r  a2, uart
#           l32r  a3, text
#   next:   l8ui  a4, a3, 0
#           beqz  a4, sleep
#   wait:   l32i  a5, a2, 20        (line status; bit 5: ready for the next byte)
#           bbci  a5, 5, wait
#           s32i  a4, a2, 0
#           addi  a3, a3, 1
#           j     next
#   sleep:  waiti 0
#           j     sleep
CODE = bytes.fromhex("6d023df021fdff31fdff42030016b40058525765fa49021b3346fbff00700046feff")


def tiny_elf(text: bytes) -> bytes:
    """Return an ELF for `lx60` that prints `text` (without NUL) on its UART and sleeps."""
    literals = struct.pack("<II", UART_DATA, RAM + 8 + len(CODE))
    segment = literals + CODE + text + b"\0"
    offset = 0x1000
    header = struct.pack(
        "<16sHHIIIIIHHHHHH",
        b"\x7fELF\x01\x01\x01",
        2,  # ET_EXEC
        94,  # EM_XTENSA
        1,
        RAM + 8,
        52,
        0,
        0x300,
        52,
        32,
        1,
        0,
        0,
        0,
    )
    size = len(segment)
    program = struct.pack("<IIIIIIII", 1, offset, RAM, RAM, size, size, 7, 0x1000)
    return (header + program).ljust(offset, b"\0") + segment


@pytest.fixture
def tiny_firmware(tmp_path: Path) -> Callable[[bytes], Path]:
    """Return a function that makes firmware that prints a text and sleeps."""

    def make(text: bytes = b"somebody else's firmware\r\nready\r\n") -> Path:
        path = tmp_path / "tiny.elf"
        path.write_bytes(tiny_elf(text))
        return path

    return make


@pytest.fixture
def inner(tmp_path: Path, tiny_firmware: Callable[..., Path]) -> Callable[..., tuple[int, str]]:
    """Return a function that runs pytest on a test file and a tiny firmware."""

    def run(source: str, *options: str, text: bytes | None = None) -> tuple[int, str]:
        firmware = tiny_firmware() if text is None else tiny_firmware(text)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / "test_inner.py").write_text(f"import pytest\n{source}")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_inner.py"]
        command += [
            "-p",
            "espbench.plugin",
            "-p",
            "xdist.plugin",
            "--espbench-firmware",
            str(firmware),
        ]
        command += options or ("--espbench-ready-console", "^ready")
        environment = {
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "ESPBENCH_CACHE": str(tmp_path / "cache"),
        }
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        return result.returncode, result.stdout + result.stderr

    return run


@pytest.fixture
def start(tmp_path: Path, tiny_firmware: Callable[[], Path]) -> Iterator[Callable[..., Run]]:
    """Return a function that starts pytest on a test's source, for tests that hold and end it."""
    runs: list[Run] = []

    def run(source: str, *options: str) -> Run:
        runs.append(Run(tmp_path, tiny_firmware(), source, *options))
        return runs[-1]

    yield run
    for each in runs:
        each.close()
