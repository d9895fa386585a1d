# SPDX-License-Identifier: MIT
"""Command line of `espbench replay`: options and output; the work is in `recording.replay`."""

from __future__ import annotations

import argparse
from pathlib import Path

from espbench.cli.shared import Subparsers, add_bare_command

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `replay`."""
    it = add_bare_command(
        subparsers,
        "replay",
        run,
        "repeat a recording; exit with 0 if the outcome is the same, else with 1",
        "espbench replay evidence/tests-test_upload-test_it/recording.espbench --gdb",
    )
    it.add_argument("archive", metavar="ARCHIVE", help="recording of a test (recording.espbench)")
    it.add_argument(
        "--gdb", action="store_true", help="print a gdb command, and wait for gdb before starting"
    )
    it.add_argument("--console", action="store_true", help="show the console as it is printed")
    it.add_argument("--qemu", metavar="PROGRAM", help="QEMU to use (default: the board's)")


def run(args: argparse.Namespace) -> int:
    """Repeat a recorded run."""
    from espbench.recording import replay as module

    return module.main(
        Path(args.archive),
        gdb=args.gdb,
        console=args.console,
        qemu=args.qemu,
    )
