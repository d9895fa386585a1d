# SPDX-License-Identifier: MIT
"""Command line of `espbench doctor`: options and output; the work is in `doctor.doctor`."""

from __future__ import annotations

import argparse
import os

from espbench.boards.builtin import ALL_BOARDS, board_named
from espbench.cli.shared import Subparsers, add_command, print_json, terminal

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `doctor`."""
    parser = add_command(
        subparsers,
        "doctor",
        run,
        "report what is installed, what is missing, and how to get it",
        "espbench doctor --json",
        board=None,
    )
    parser.add_argument(
        "--sources",
        action="store_true",
        help="list the third-party parts of espbench's own firmware instead: versions, licences, "
        "upstream's support, advisories",
    )


def run(args: argparse.Namespace) -> int:
    """Report what is installed, what is missing, and how to get it."""
    from espbench.doctor import doctor as module

    if args.sources:
        return _sources(args)
    boards = [board_named(args.board)] if args.board else list(ALL_BOARDS.values())
    findings = module.examine(boards, wanted=bool(args.board))
    if args.json:
        print_json(module.as_json(findings))
    else:
        module.show(findings, terminal())
    return 0 if module.healthy(findings) else 1


def _sources(args: argparse.Namespace) -> int:
    """List the third-party parts of espbench's own firmware."""
    from espbench.doctor import parts as module

    board = board_named(args.board).name if args.board else ""
    found = [part for part in module.parts() if part.concerns(board)]
    if args.json:
        print_json(module.as_json(found, os.environ))
    else:
        module.show(found, os.environ, terminal())
    return 0
