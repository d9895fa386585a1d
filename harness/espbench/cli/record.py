# SPDX-License-Identifier: MIT
"""Command line of `espbench record`: becomes pytest, with devices that record."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from espbench.cli.shared import Subparsers, add_bare_command

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `record`."""
    add_bare_command(
        subparsers,
        "record",
        run,
        "run pytest with these arguments; each test that fails leaves a recording",
        "espbench record tests/ -k upload --espbench-board lx60",
    ).add_argument("pytest", nargs=argparse.REMAINDER, help="pytest's own arguments and options")


def run(args: argparse.Namespace) -> NoReturn:
    """Become pytest, with devices that record; each failed test leaves an archive.

    In this process pytest could no longer rewrite the plugin's asserts, because it is imported,
    and would warn: an error where a project has `filterwarnings = error`.
    """
    # -P: as from the command `pytest`, the current folder is not on sys.path.
    command = [sys.executable, "-P", "-m", "pytest", "--espbench-record", "failed"]
    sys.stdout.flush()
    os.execv(sys.executable, [*command, *args.pytest])
