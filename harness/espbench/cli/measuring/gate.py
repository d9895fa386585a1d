# SPDX-License-Identifier: MIT
"""Command line of `espbench gate`: options and output; the work is in `perf.gate`."""

from __future__ import annotations

import argparse
from pathlib import Path

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
    write_file,
)

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `gate`."""
    it = add_command(
        subparsers,
        "gate",
        run,
        "measure, and compare with a baseline: exit status 1 if a figure got worse",
        "espbench gate --baseline ci/baseline-lx60.json --markdown summary.md",
        by_image=True,
    )
    firmware_option(it)
    foreign_firmware_options(it)
    it.add_argument("--quick", action="store_true", help="fewer repetitions")
    it.add_argument("--baseline", required=True, metavar="FILE", help="baseline to compare with")
    it.add_argument("--update", action="store_true", help="write the baseline")
    it.add_argument("--junit", metavar="FILE", help="write JUnit XML")
    it.add_argument("--markdown", metavar="FILE", help="write a summary for a pull request")


def run(args: argparse.Namespace) -> int:
    """Compare a firmware with a baseline."""
    from espbench.perf import baseline as baselines
    from espbench.perf import gate as module
    from espbench.perf import gate_report, gate_run

    board = board_of_command(args)
    path = Path(args.baseline)
    # Reject a bad baseline before a minute of building and measuring.
    before = None if args.update and not path.exists() else baselines.read(path, board)
    said = device_options(args)
    firmware = firmware_of(args, board)
    readings = measured(args, board, firmware, said)
    versions = gate_run.versions(board, firmware, said.get("elf"))
    after = baselines.make(board, readings, versions, before)
    against = before or after
    different = module.differences(against.versions, versions)
    rows = module.compare(against, readings, different)
    people = progress_console(args)
    table_console(args).print(gate_report.table(rows))
    for sentence in gate_report.reasons(rows):
        people.print(sentence, highlight=False)
    if args.json:
        print(gate_run.dumps(gate_report.as_json(rows, board.name, versions, different)), end="")
    write_file(args.junit, gate_report.junit(rows, board.name))
    write_file(args.markdown, gate_report.markdown(rows, board.name, versions, different))
    if args.update:
        baselines.write(after, path)
        people.print(f"baseline written to {path}", highlight=False)
        return 0
    people.print(gate_report.summary(rows, board.name), highlight=False)
    if advice := gate_report.what_next(rows, different):
        people.print(advice, highlight=False)
    return 0 if module.passes(rows) else 1
