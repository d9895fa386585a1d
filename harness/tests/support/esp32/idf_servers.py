# SPDX-License-Identifier: MIT
"""The firmware of idf_servers/: ESP-IDF's own servers, built if ESP-IDF is installed."""

from __future__ import annotations

import os
from pathlib import Path

from espbench.boards.builtin import BOARDS
from espbench.certs import Recipe
from espbench.firmware import idf_env as idf
from espbench.firmware.build import locked
from espbench.firmware.idf_backend import idf_environment
from espbench.firmware.job import Job, run_logged
from espbench.reporting.all_boards import boards
from idf_flash import flash

PROJECT = Path(__file__).resolve().parents[2] / "idf_servers"
TREE = PROJECT.parents[2]
BUILT = TREE / "build" / "idf-servers"
BOARD = BOARDS["esp32"]


def absence() -> str:
    """Return what is missing and how to get it, or "" if nothing is."""
    return boards.absence(BOARD, TREE)


def build(certificate: Recipe) -> bytes:
    """Return the flash image of firmware that serves with this certificate.

    Raises:
        BuildError: the build failed.
    """
    path = idf.check_idf(BOARD.name, os.environ)
    python, environment = idf.activated(path, BOARD.toolchain, os.environ)
    built = BUILT / "idf"
    command = [str(python), str(path / "tools" / "idf.py"), "-C", str(PROJECT), "-B", str(built)]
    for name, value in {
        "IDF_TARGET": BOARD.name,
        "SDKCONFIG": BUILT / "sdkconfig",
        "CERTIFICATE": BUILT / "certificate",
    }.items():
        command += ["-D", f"{name}={value}"]
    BUILT.mkdir(parents=True, exist_ok=True)
    with locked(BUILT):
        certificate.write(BUILT / "certificate")
        run_logged(
            Job(BOARD, TREE, PROJECT, BUILT),
            [*command, "build"],
            environment=idf_environment(environment),
            progress=lambda _: None,
        )
        return flash(built)
