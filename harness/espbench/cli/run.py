# SPDX-License-Identifier: MIT
"""Command line of `espbench run`: options and output; the work is in `reporting.runner`."""

from __future__ import annotations

import argparse
from pathlib import Path

from espbench.boards.builtin import board_named
from espbench.cli.shared import (
    Subparsers,
    add_command,
    choice_options,
    firmware_option,
    out_folder,
    print_json,
    progress_console,
)

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `run`."""
    it = add_command(
        subparsers,
        "run",
        run,
        "build the firmware, run the scenario suites against it, write a report",
        "espbench run dual limits --jobs 2",
    )
    it.add_argument(
        "suite", nargs="*", help="suites, such as limits or dual, or paths (default: all)"
    )
    it.add_argument("--list", action="store_true", help="show the names of suites, and run none")
    firmware_option(it)
    choice_options(it)
    it.add_argument(
        "--evidence",
        choices=("never", "failed", "always"),
        default="failed",
        help="which scenarios leave a folder of evidence (default: failed)",
    )
    it.add_argument(
        "--shard",
        metavar="I/N",
        help="run only part I of N, which together are all scenarios and take equally long",
    )
    it.add_argument(
        "--durations",
        metavar="FILE",
        help="how long scenarios took, to balance the parts by, as a run left it in durations.json "
        "(default: ci/durations-BOARD.json)",
    )
    it.add_argument(
        "--out", metavar="DIR", help="where report and evidence go (default: build/run)"
    )
    it.add_argument(
        "--history",
        metavar="FILE",
        help="file that keeps the figures of all runs: commit it, or cache it in CI "
        "(default: history.jsonl in --out)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the scenario suites, and write a report; or list them."""
    if args.list:
        _list_suites(as_json=args.json)
        return 0
    from espbench.reporting import runner as module
    from espbench.reporting.model import Plan
    from espbench.suites import sharding as shard

    plan = Plan(
        board=board_named(args.board),
        firmware=Path(args.firmware) if args.firmware else None,
        suites=args.suite,
        out=out_folder(args.out, "run"),
        jobs=args.jobs,
        keywords=args.keywords,
        evidence=args.evidence,
        history=Path(args.history) if args.history else None,
        shard=None if args.shard is None else shard.parse(args.shard),
        durations=Path(args.durations) if args.durations else None,
    )
    outcome = module.run(plan, progress_console(args))
    if args.json:
        print_json(module.as_json(outcome))
    return 0 if outcome.good else 1


def _list_suites(*, as_json: bool) -> None:
    from espbench.firmware import source_tree
    from espbench.suites import names

    known = {n: names.about(path) for n, path in names.suites(source_tree.root()).items()}
    if as_json:
        print_json(known)
        return
    width = max(map(len, known), default=0)
    for name, about in known.items():
        print(f"{name:{width}}  {about}")
