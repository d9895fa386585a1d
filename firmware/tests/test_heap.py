# SPDX-License-Identifier: MIT
"""Host tests of the pure C of board lx60 and of module bench."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from host_c import warning_flags

FIRMWARE = Path(__file__).resolve().parent.parent
TESTS = Path(__file__).resolve().parent / "lx60"
BOARD = FIRMWARE / "boards" / "lx60"
COMMON = FIRMWARE / "boards" / "common"
BENCH = FIRMWARE / "modules" / "bench"

# test program: what it is linked with
PROGRAMS = {
    "heap_test": [BOARD / "heap.c"],
    "bench_test": [BOARD / "heap.c", BENCH / "alloc_faults.c", BENCH / "ballast.c"],
    "work_test": [BENCH / "bench_work.c"],
    "text_test": [BOARD / "boot_tags.c", COMMON / "base64.c", COMMON / "cmdline.c"],
}

# The optimiser sees other things than the sanitizers do.
BUILDS = {
    "sanitized": ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "optimized": ["-O2"],
}

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.mark.parametrize("flags", BUILDS.values(), ids=BUILDS.keys())
@pytest.mark.parametrize("name", PROGRAMS)
def test_pure_part(name: str, flags: list[str], tmp_path: Path) -> None:
    """The C test of a pure part passes, and the compiler and the sanitizers have no complaint."""
    program = tmp_path / name
    sources = [TESTS / f"{name}.c", *PROGRAMS[name]]
    warnings = ["-std=gnu11", "-g", *warning_flags()]
    includes = [f"-I{folder}" for folder in (TESTS, BOARD, COMMON, BENCH)]
    compiled = subprocess.run(
        ["gcc", *warnings, *flags, *includes, "-o", program, *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
