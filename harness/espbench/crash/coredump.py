# SPDX-License-Identifier: MIT
"""Decodes ESP-IDF's core dumps with Espressif's esp-coredump, if it is installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from espbench.util.idf_tools import path_with_gdb
from espbench.util.timeouts import Deadline

__all__ = ["decoded"]

MODULE = "esp_coredump"
PATIENCE = 60.0
"""Time-out of the decoder in seconds (scaled): it starts gdb on a large ELF."""


def decoded(core: Path, elf: Path | None) -> str:
    """Return the output of esp-coredump for a core dump, or a sentence why there is none.

    Args:
        core: file with the core dump in base64, as printed by the guest.
        elf: firmware with debugging information.
    """
    by_hand = f"espcoredump.py info_corefile --core-format b64 --core {core.name} firmware.elf"
    if elf is None:
        return (
            f"The core dump in {core.name} cannot be decoded without an ELF: name one with "
            "--firmware-elf (pytest: --espbench-firmware-elf, Device: elf).\n"
        )
    if importlib.util.find_spec(MODULE) is None:
        return (
            f"The core dump in {core.name} cannot be decoded without esp-coredump: install it with "
            f"pip install 'espbench[esp]', then run {by_hand}.\n"
        )
    command = [sys.executable, "-m", MODULE, "info_corefile"]
    command += ["--core-format", "b64", "--core", str(core), str(elf)]
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=Deadline(PATIENCE).seconds,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": path_with_gdb(os.environ)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"esp-coredump did not decode {core.name} within {PATIENCE:g} s: run {by_hand}.\n"
    if result.returncode:
        lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
        return (
            f"esp-coredump could not decode {core.name} ({lines[-1] if lines else 'no message'}): "
            f"check that ESP-IDF's gdb is installed, then run {by_hand}.\n"
        )
    return result.stdout
