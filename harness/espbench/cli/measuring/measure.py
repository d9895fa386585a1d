# SPDX-License-Identifier: MIT
"""Command line of `espbench measure`: options and output; the work is in `perf.measure`."""

from __future__ import annotations

import argparse

from espbench.cli.shared import (
    Subparsers,
    add_command,
    board_of_command,
    device_options,
    firmware_of,
    firmware_option,
    foreign_firmware_options,
    measured,
    progress_console,
    table_console,
)
from espbench.errors import ConfigError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `measure`."""
    it = add_command(
        subparsers,
        "measure",
        run,
        "count instructions and bytes of memory, which are the same on every machine",
        "espbench measure --repeat 10 --load 2",
        by_image=True,
    )
    firmware_option(it)
    foreign_firmware_options(it)
    it.add_argument("--quick", action="store_true", help="fewer repetitions")
    it.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="number of runs (default: 1)"
    )
    it.add_argument(
        "--load", type=int, default=0, metavar="N", help="run N busy loops on the host meanwhile"
    )


def run(args: argparse.Namespace) -> int:
    """Count instructions and bytes, once or several times."""
    from espbench.perf import gate_run, repeats

    board = board_of_command(args)
    if args.repeat < 1 or args.load < 0:
        raise ConfigError("--repeat must be 1 or more, and --load 0 or more.")
    said = device_options(args)
    firmware = firmware_of(args, board)
    with repeats.busy(args.load):
        runs = [measured(args, board, firmware, said) for _ in range(args.repeat)]
    found = repeats.side_by_side(runs)
    table_console(args).print(repeats.table(found, len(runs)))
    for line in gate_run.unavailable(runs[-1]):
        progress_console(args).print(line, highlight=False)
    if args.json:
        versions = gate_run.versions(board, firmware, said.get("elf"))
        print(gate_run.dumps(repeats.as_json(found, board.name, versions)), end="")
    return 0
