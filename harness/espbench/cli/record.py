# SPDX-License-Identifier: MIT
"""Command line of `espbench record`: replaces itself with a pytest that records devices."""

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
        "run pytest with these arguments, and keep a recording of each failed test",
        "espbench record tests/ -k upload --espbench-board lx60",
    ).add_argument("pytest", nargs=argparse.REMAINDER, help="arguments and options for pytest")


def run(args: argparse.Namespace) -> NoReturn:
    """Replace this process with a pytest that keeps a recording of each failed test.

    In this process pytest could not rewrite the asserts of the plugin, which is imported already.
    It would warn about that, which is an error with `filterwarnings = error`.
    """
    # -P keeps the current folder off sys.path, as the command `pytest` does.
    command = [sys.executable, "-P", "-m", "pytest", "--espbench-record", "failed"]
    sys.stdout.flush()
    os.execv(sys.executable, [*command, *args.pytest])
