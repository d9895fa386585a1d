# SPDX-License-Identifier: MIT
"""Finds ESP-IDF, and sets up its environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from espbench.errors import ToolMissing
from espbench.firmware.micropython import Version, numbers
from espbench.util import idf_tools
from espbench.util.idf_tools import (
    TOOLS_VARIABLE,
    container_shell,
    find_idf,
    own_folders,
    tools_folders,
    version_key,
)

OLDEST, NEWEST = (5, 3), (5, 5)
"""The supported versions of ESP-IDF, by major and minor number."""
WHY_NOT_6 = (
    "ESP-IDF v6 has Mbed TLS 4, which lacks mbedtls_ssl_conf_rng() and headers such as "
    "mbedtls/ctr_drbg.h and mbedtls/sha1.h that MicroPython and this firmware need"
)
"""What MicroPython v1.25 to v1.29.0-preview (extmod/modtls_mbedtls.c, modhashlib.c) and modules/
webserver use, and Mbed TLS 4.0 has removed or made private (docs/4.0-migration-guide.md there)."""


def idf_version(idf: Path) -> Version | None:
    """Return ESP-IDF's version, from the file that its build reads."""
    return numbers(
        idf / "tools" / "cmake" / "version.cmake",
        *(rf"set\(IDF_VERSION_{part} (\d+)\)" for part in ("MAJOR", "MINOR", "PATCH")),
    )


def check_idf(board: str, environment: Mapping[str, str]) -> Path:
    """Return ESP-IDF's folder, if its version is supported.

    Raises:
        ToolMissing: it was not found, or its version is not supported.
    """
    idf = find_idf(environment)
    span = f"v{OLDEST[0]}.{OLDEST[1]} to v{NEWEST[0]}.{NEWEST[1]}"
    if idf is None:
        named = environment.get("IDF_PATH", "").strip()
        where = f"in IDF_PATH ({named})" if named else f"in {' or '.join(idf_tools.USUAL_PLACES)}"
        raise ToolMissing(
            f"ESP-IDF was not found {where}, but espbench's own firmware for {board} needs it "
            f"({span}): install it with `espbench setup --board {board}`, point IDF_PATH at it, or "
            f"build in Espressif's container image with `{container_shell()}`."
        )
    version = idf_version(idf)
    if version is None or not OLDEST <= version[:2] <= NEWEST:
        found = f"v{'.'.join(map(str, version))}" if version else "of an unknown version"
        reason = f" ({WHY_NOT_6})" if version and version[0] >= 6 else ""
        raise ToolMissing(
            f"ESP-IDF in {idf} is {found}, but the {board} firmware needs {span}{reason}: check "
            "out one of these there and run its install.sh again, or point IDF_PATH at another."
        )
    return idf


def python_of(idf: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the Python of ESP-IDF's own virtual environment, or None."""
    named = environment.get("IDF_PYTHON_ENV_PATH", "").strip()
    folders = [Path(named)] if named else []
    version = idf_version(idf)
    if version is not None:
        for tools in tools_folders(environment):
            made = (tools / "python_env").glob(f"idf{version[0]}.{version[1]}_py*_env")
            folders += sorted(made, key=lambda path: version_key(path.name), reverse=True)
    return next((p for f in folders if (p := f / "bin" / "python").exists()), None)


def activated(
    idf: Path, toolchain: str, environment: Mapping[str, str]
) -> tuple[Path, dict[str, str]]:
    """Return ESP-IDF's Python and an environment like the one that `export.sh` creates.

    If the user has already run export.sh, its choice of tools is kept.

    Raises:
        ToolMissing: ESP-IDF's Python environment or compiler is not installed.
    """
    install = f"run {install_command(idf, environment)}"
    python = python_of(idf, environment)
    if python is None:
        raise ToolMissing(f"ESP-IDF in {idf} has no Python environment: {install}.")
    found = {**environment, "IDF_PATH": str(idf)}
    if python.parents[2].name == "python_env":
        found.setdefault(TOOLS_VARIABLE, str(python.parents[3]))
    if not _has(toolchain, found):
        found = _exported(idf, python, found, install)
    if not _has(toolchain, found):
        raise ToolMissing(f"ESP-IDF's compiler {toolchain}gcc is not installed: {install}.")
    found.setdefault("IDF_PYTHON_ENV_PATH", str(python.parents[1]))
    return python, found


def install_command(
    idf: Path,
    environment: Mapping[str, str],
    board: str = "",
    target: str = "esp32,esp32c3,esp32s3",
) -> str:
    """Return the command that installs ESP-IDF's compiler and Python packages.

    Args:
        idf: the folder of ESP-IDF.
        environment: the environment variables.
        board: the board; "" for any.
        target: ESP-IDF's names for the chips.
    """
    if idf.parent in own_folders(environment):
        return f"espbench setup --board {board or 'esp32'}"
    return f"{idf}/install.sh {target}"


def _has(toolchain: str, environment: Mapping[str, str]) -> bool:
    return shutil.which(f"{toolchain}gcc", path=environment.get("PATH", os.defpath)) is not None


def _exported(
    idf: Path, python: Path, environment: Mapping[str, str], install: str
) -> dict[str, str]:
    command = [str(python), str(idf / "tools" / "idf_tools.py"), "export", "--format", "key-value"]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        env={**environment},
        check=False,
    )
    if result.returncode:
        lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
        last = lines[-1] if lines else "idf_tools.py gave no reason"
        reason = next((line for line in lines if line.startswith("ERROR")), last)
        raise ToolMissing(f"ESP-IDF's tools in {idf} are incomplete ({reason}): {install}.")
    return {**environment, **parse_export(result.stdout, environment)}


def parse_export(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables in the output of `idf_tools.py export --format key-value`."""
    variables = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            variables[name] = value.replace("$PATH", environment.get("PATH", ""))
    return variables
