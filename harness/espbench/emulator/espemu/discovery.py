# SPDX-License-Identifier: MIT
"""Finds esp-emu and its version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from espbench.boards.esp_emu import INSTALLER, PROGRAM
from espbench.errors import QemuError, QemuNotFound
from espbench.util.programs import captured
from espbench.util.timeouts import Deadline

__all__ = ["esp_emu_version", "find_esp_emu", "parse_version"]

_VERSION = re.compile(r"^esp-emu v?(\d+)\.(\d+)\.(\d+)", re.MULTILINE)


def find_esp_emu(environment: Mapping[str, str] | None = None) -> str:
    """Return the path of esp-emu: on PATH, or where its installer puts it by default.

    Args:
        environment: the environment; None for this process's.

    Raises:
        QemuNotFound: it is not installed.
    """
    known = os.environ if environment is None else environment
    default = Path(known.get("HOME", "")) / ".local" / "bin"
    for folders in (known.get("PATH", os.defpath), str(default)):
        if found := shutil.which(PROGRAM, path=folders):
            return found
    raise QemuNotFound(
        f"{PROGRAM} is neither on PATH nor in ~/.local/bin: install it with {INSTALLER}."
    )


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the version in the output of `esp-emu --version`, or None."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def esp_emu_version(program: str) -> tuple[int, int, int]:
    """Return the version of an esp-emu.

    Raises:
        QemuError: it cannot be run or prints no version.
    """
    try:
        result = captured([program, "--version"], Deadline(20).seconds)
    except (OSError, subprocess.SubprocessError) as error:
        raise QemuError(f"{program} --version failed ({error}): reinstall esp-emu.") from error
    version = parse_version(result.stdout) or parse_version(result.stderr)
    if version is None:
        raise QemuError(f"{program} --version printed no version: check that it is esp-emu.")
    return version
