# SPDX-License-Identifier: MIT
"""Command line of `espbench build`: options and output; the work is in `firmware.build`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from espbench.boards.builtin import board_named
from espbench.cli.shared import Subparsers, add_command, print_json

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `build`."""
    it = add_command(
        subparsers, "build", run, "build a board's firmware", "espbench build --board lx60"
    )
    it.add_argument("--quiet", action="store_true", help="print nothing on success")
    it.add_argument(
        "--board-dir",
        metavar="DIR",
        help="another board definition of MicroPython's esp32 port (for the ESP32 boards)",
    )
    it.add_argument(
        "--variant",
        default="",
        metavar="NAME",
        help="variant: TLS13 has TLS 1.3, DUAL has both cores of esp32; or one of --board-dir",
    )


def run(args: argparse.Namespace) -> int:
    """Build a board's firmware and print its path."""
    from espbench.firmware import build as module

    board = board_named(args.board)
    board_dir = Path(args.board_dir) if args.board_dir else None
    built = module.build(
        board, console=Console(stderr=True), board_dir=board_dir, variant=args.variant
    )
    if args.json:
        print_json(
            {
                "board": board.name,
                "firmware": str(built.firmware),
                "sha256": built.sha256,
                "bytes": built.firmware.stat().st_size,
                "rebuilt": built.rebuilt,
                "made_with": dict(built.made_with),
            }
        )
    elif not args.quiet:
        print(f"{built.firmware} {'built' if built.rebuilt else 'is up to date'}")
    return 0
