# SPDX-License-Identifier: MIT
"""Third-party firmware for `lx60`, compiled from one C file without anything of espbench."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

GCC = "xtensa-lx106-elf-gcc"
FLAGS = "-mlongcalls -mtext-section-literals -Os -ffreestanding -nostdlib -Wl,-Ttext=0x60000000"
READY = "^server up"


def build(target: Path, extra: int = 16) -> Path:
    """Compile it to `target`, with a table of `extra` bytes; return `target`."""
    if shutil.which(GCC) is None:
        pytest.skip(f"{GCC} is not installed")
    source = Path(__file__).with_name("foreign.c")
    command = [GCC, *FLAGS.split(), f"-DEXTRA={extra}", str(source), "-o", str(target)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return target
