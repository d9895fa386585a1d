# SPDX-License-Identifier: MIT
"""Command line of `espbench timings`: options and output; the work is in `perf.wallclock`."""

from __future__ import annotations

import argparse
from pathlib import Path

from espbench.cli.shared import (
    Subparsers,
    add_command,
    board_of_command,
    firmware_of,
    firmware_option,
    output_folder,
    print_json,
    progress_console,
)
from espbench.errors import ConfigError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `timings`."""
    it = add_command(
        subparsers,
        "timings",
        run,
        "time boots, handshakes and requests on this machine, in ms and per second",
        "espbench timings --json",
        by_image=True,
    )
    firmware_option(it)
    it.add_argument("--quick", action="store_true", help="fewer repetitions")
    it.add_argument(
        "--pool",
        type=int,
        metavar="N",
        help="measure suites per minute instead, with N devices booted ahead and with none",
    )
    it.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="workers for --pool (default: 1)"
    )
    it.add_argument("--out", metavar="FILE", help="default: build/timings.json")


def run(args: argparse.Namespace) -> int:
    """Time the firmware and the harness on this machine."""
    from espbench.firmware.versions import versions
    from espbench.perf import wallclock as module
    from espbench.reporting.terminal import figures_table

    board = board_of_command(args)
    firmware = firmware_of(args, board)
    known = versions(board, firmware)
    console = progress_console(args)
    path = Path(args.out) if args.out else output_folder() / "timings.json"
    effort = module.QUICK if args.quick else module.Effort()
    if min(args.jobs, 1 if args.pool is None else args.pool) < 1:
        raise ConfigError("--pool and --jobs must be 1 or more: write --pool 1 --jobs 2.")
    with console.status("measuring") as status:

        def show(what: str) -> None:
            status.update(f"measuring {what}")

        if args.pool is None:
            found = module.run(board, firmware, effort, show)
        else:
            from espbench.perf.pool import benchmark as pool_bench

            found = pool_bench.run(
                board,
                firmware,
                rounds=effort.suites,
                size=args.pool,
                jobs=args.jobs,
                progress=show,
            )
    if args.json:
        print_json(module.as_json(found, known))
    else:
        console.print(figures_table(found))
    module.write(found, known, path)  # last: show the timings even if this fails
    console.print(f"timings {path}", highlight=False)
    return 0 if all(figure.good for figure in found) else 1
