# SPDX-License-Identifier: MIT
"""Command line of `espbench run`: options and output; the work is in `reporting.runner`."""

from __future__ import annotations

import argparse
from pathlib import Path

from espbench.cli.shared import (
    Subparsers,
    add_command,
    board_of_command,
    choice_options,
    firmware_option,
    named_firmware,
    out_folder,
    print_json,
    progress_console,
    table_console,
)
from espbench.errors import ConfigError

__all__ = ["add_parser", "run"]

DEFAULT_BOARD = "lx60"
DEFAULT_EVIDENCE = "failed"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `run`."""
    it = add_command(
        subparsers,
        "run",
        run,
        "build the firmware, run the scenario suites against it, and write a report",
        "espbench run dual limits --jobs 2",
        by_image=True,
    )
    it.add_argument(
        "suite",
        nargs="*",
        help="suites, such as limits or dual, or paths (default: all); arguments after -- go to "
        "pytest",
    )
    it.add_argument("--list", action="store_true", help="list the suites without running them")
    it.add_argument(
        "--all-boards",
        action="store_true",
        help="run on every board available here, or on those in ESPBENCH_BOARDS=lx60,esp32; "
        "compare the first with each of the others; write no report",
    )
    it.add_argument(
        "--own-tests",
        action="store_true",
        help="with --all-boards, in a clone: also run espbench's own tests",
    )
    firmware_option(it)
    choice_options(it)
    it.add_argument(
        "--evidence",
        choices=("never", "failed", "always"),
        default=DEFAULT_EVIDENCE,
        help="which scenarios leave a folder of evidence (default: failed)",
    )
    it.add_argument(
        "--shard",
        metavar="I/N",
        help="run only part I of N; the parts take equally long",
    )
    it.add_argument(
        "--durations",
        metavar="FILE",
        help="durations of the scenarios, to balance the parts: durations.json of an earlier run "
        "(default: ci/durations-BOARD.json)",
    )
    it.add_argument(
        "--out",
        metavar="DIR",
        help="folder for the results (default: build/run; with --all-boards build/test)",
    )
    it.add_argument(
        "--history",
        metavar="FILE",
        help="file with the figures of all runs: commit it, or cache it in CI "
        "(default: history.jsonl in --out)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the scenario suites on one board or on all, or list them."""
    if args.list:
        _list_suites(as_json=args.json)
        return 0
    return _run_on_all_boards(args) if args.all_boards else _run_on_one_board(args)


def _run_on_all_boards(args: argparse.Namespace) -> int:
    from espbench.firmware import source_tree
    from espbench.reporting.all_boards import command
    from espbench.reporting.all_boards.sessions import Plan

    for option, is_default in {
        "--board": args.board in (None, DEFAULT_BOARD),
        "--firmware": args.firmware is None,
        "--evidence": args.evidence == DEFAULT_EVIDENCE,
        "--shard": args.shard is None,
        "--durations": args.durations is None,
        "--history": args.history is None,
        "--json": not args.json,
    }.items():
        if not is_default:
            raise ConfigError(f"--all-boards and {option} cannot be combined: remove one of them.")
    if args.own_tests and source_tree.clone() is None:
        raise ConfigError("--own-tests does not work in an installed espbench: run it in a clone.")
    plan = Plan(
        source_tree.root(),
        out_folder(args.out, "test"),
        suites=args.suite,
        pytest=[*(["-k", args.keywords] if args.keywords else []), *args.pytest],
        own_tests=args.own_tests,
        jobs=args.jobs,
    )
    return command.run(plan, table_console(args))


def _run_on_one_board(args: argparse.Namespace) -> int:
    from espbench.reporting import runner as module
    from espbench.reporting.model import Plan
    from espbench.suites import sharding as shard

    if args.own_tests:
        raise ConfigError("--own-tests requires --all-boards: add it.")
    plan = Plan(
        board=board_of_command(args),
        firmware=named_firmware(args),
        suites=args.suite,
        out=out_folder(args.out, "run"),
        jobs=args.jobs,
        keywords=args.keywords,
        evidence=args.evidence,
        pytest=args.pytest,
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
