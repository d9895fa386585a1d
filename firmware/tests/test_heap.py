# SPDX-License-Identifier: MIT
"""Host tests of the pure C of board lx60 and of module bench."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from host_c import warning_flags

FIRMWARE = Path(__file__).resolve().parent.parent
TESTS = Path(__file__).resolve().parent
MODULES = FIRMWARE / "modules"
LX60 = FIRMWARE / "ports" / "lx60" / "chip"
COMMON = FIRMWARE / "ports" / "common"
BENCH = MODULES / "bench"

# test program: the sources it is linked with
PROGRAMS = {
    "lx60/heap_test": [LX60 / "heap.c"],
    "bench/ballast_test": [LX60 / "heap.c", BENCH / "faults.c", BENCH / "ballast.c"],
    "bench/cycles_test": [BENCH / "cycles.c"],
    "lx60/text_test": [LX60 / "boot_tags.c", COMMON / "cmdline.c"],
}

# The optimiser finds other problems than the sanitizers.
BUILDS = {
    "sanitized": ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "optimized": ["-O2"],
}

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.mark.parametrize("flags", BUILDS.values(), ids=BUILDS.keys())
@pytest.mark.parametrize("name", PROGRAMS)
def test_pure_part(name: str, flags: list[str], tmp_path: Path) -> None:
    """The C test passes, and the compiler and the sanitizers report nothing."""
    program = tmp_path / Path(name).name
    sources = [TESTS / f"{name}.c", *PROGRAMS[name]]
    warnings = ["-std=gnu11", "-g", *warning_flags()]
    includes = [f"-I{folder}" for folder in (TESTS, LX60, COMMON, MODULES)]
    compiled = subprocess.run(
        ["gcc", *warnings, *flags, *includes, "-o", program, *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
