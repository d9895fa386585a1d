# SPDX-License-Identifier: MIT
"""Command line of `espbench parity`: options and output; the work is in `reporting.parity`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from espbench.boards.builtin import BOARDS, board_named
from espbench.cli.shared import (
    JSON_HELP,
    Subparsers,
    add_bare_command,
    choice_options,
    out_folder,
    print_json,
    terminal,
)

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `parity`."""
    it = add_bare_command(
        subparsers,
        "parity",
        run,
        "run the scenario suites on two boards and show the scenarios that differ",
        "espbench parity dual --boards lx60,esp32 --firmware esp32=build/firmware.bin",
    )
    it.add_argument(
        "suite",
        nargs="*",
        help="suites or paths (default: all); arguments after -- go to pytest",
    )
    it.add_argument(
        "--boards",
        default="lx60,esp32",
        metavar="ONE,OTHER",
        help=f"two of {', '.join(BOARDS)} (default: lx60,esp32)",
    )
    it.add_argument(
        "--firmware",
        action="append",
        default=[],
        metavar="BOARD=PATH",
        help="firmware of a board (default: espbench's own, built first)",
    )
    it.add_argument(
        "--results",
        action="append",
        default=[],
        metavar="BOARD=FILE",
        help="run.json or JUnit XML of an earlier run, used instead of running the board",
    )
    choice_options(it)
    it.add_argument(
        "--table",
        metavar="FILE",
        help="known differences (default: scenarios/expected_differences.toml)",
    )
    it.add_argument("--out", metavar="DIR", help="default: build/parity")
    form = it.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=JSON_HELP)
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(args: argparse.Namespace) -> int:
    """Run the scenario suites on two boards and show the differences."""
    from espbench.flash.merged_image import image_of
    from espbench.reporting.model import Plan
    from espbench.reporting.parity import command as module
    from espbench.reporting.parity import render as show

    names = module.two_boards(args.boards)
    named = module.by_board("--firmware", args.firmware, names)
    firmware = {board: image_of(path) for board, path in named.items()}
    out = out_folder(args.out, "parity")
    one, other = (
        Plan(
            board=board_named(name),
            firmware=firmware.get(name),
            suites=args.suite,
            out=out / name,
            jobs=args.jobs,
            keywords=args.keywords,
            pytest=args.pytest,
        )
        for name in names
    )
    options = module.ParityOptions(
        (one, other),
        module.by_board("--results", args.results, names),
        Path(args.table) if args.table else None,
        out,
    )
    for_programs = args.json or args.markdown
    console = Console(stderr=True) if for_programs else terminal()
    comparison = module.parity(options, console)
    if args.json:
        print_json(show.as_json(comparison))
    elif args.markdown:
        print(show.markdown(comparison), end="")
    else:
        if show.differs(comparison):
            console.print(show.table(comparison))
        console.print(show.summary(comparison), highlight=False, soft_wrap=True)
        console.print(f"page    {out / 'parity.html'}", highlight=False, soft_wrap=True)
    for text in comparison.complaints:
        print(f"espbench: {text}", file=sys.stderr)
    return 0 if comparison.good else 1
