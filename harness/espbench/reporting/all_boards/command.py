# SPDX-License-Identifier: MIT
"""`espbench run --all-boards`: runs the suites on every testable board, and compares the boards.

ESPBENCH_BOARDS=lx60,esp32 chooses the boards, and makes it an error if one cannot be tested.
If several were tested, the first is compared with each other one, like `espbench parity` does.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS
from espbench.firmware import build
from espbench.reporting.all_boards import boards as here
from espbench.reporting.all_boards import sessions
from espbench.reporting.all_boards.sessions import Plan
from espbench.reporting.all_boards.verdicts import verdicts
from espbench.reporting.parity import render as show
from espbench.reporting.parity.expected import TABLE, Known, read
from espbench.reporting.parity.load import cases_of_junit
from espbench.reporting.skips import by_reason as skips_by_reason
from espbench.reporting.skips import short
from espbench.util.dirlock import first_free
from espbench.util.listing import listing

OWN_TABLE = Path("harness", "tests", "expected_differences.toml")
"""The expected differences in `Plan.on_each_board`; those of the scenarios are in `TABLE`."""


def run(plan: Plan, tables: Console) -> int:
    """Build, test, compare and report; return an exit status.

    Args:
        plan: the tests to run.
        tables: console for the tables of scenarios that differ between boards.

    Raises:
        EspbenchError: the run could not start.
    """
    claim = first_free(plan.out)
    try:
        wanted = here.chosen(os.environ)
        looked_at = wanted or [board for board in BOARDS.values() if board.optional]
        absent = {board.name: why for board in looked_at if (why := here.absence(board, plan.root))}
        boards, left = here.select(wanted, absent)
        files = [TABLE, *([OWN_TABLE] if plan.own_tests else [])] if len(boards) > 1 else []
        known = [entry for file in files for entry in read(plan.root / file)]
        for board in boards:
            build.build(board, console=Console(stderr=True))
        if claim.folder != plan.out:
            sentence = (
                f"another run is writing to {_shown(plan.out)}, so the results of this one go to "
                f"{_shown(claim.folder)}"
            )
            print(f"espbench: {sentence}", flush=True)
        return _test(boards, left, replace(plan, out=claim.folder), known, tables)
    finally:
        claim.release()


def _test(
    boards: Sequence[Board],
    left: Mapping[str, str],
    plan: Plan,
    known: Sequence[Known],
    tables: Console,
) -> int:
    files = {board.name: sessions.results_of(board, plan.out) for board in boards}
    for file in files.values():
        file.unlink(missing_ok=True)  # an earlier run's: pytest may end without replacing it
    statuses = sessions.run_all(sessions.commands(boards, plan), plan.root)
    results = {
        name: file if status in sessions.ENDED and file.exists() else None
        for (name, file), status in zip(files.items(), statuses, strict=True)
    }
    found = verdicts(results, known, selected=plan.selects, also=plan.on_each_board)
    for verdict in found:
        if verdict.comparison and show.differs(verdict.comparison):
            tables.print(show.table(verdict.comparison))
    for board, status in zip(boards, statuses, strict=True):
        print(f"espbench: board {board.name} was tested: {sessions.outcome(status)}")
    for verdict in found:
        print(f"espbench: parity: {verdict.sentence}")
    print(f"espbench: results are in {_shown(plan.out)}")
    # Only the first session includes tests that need no board, or any board.
    first = results[boards[0].name]
    cases = {} if first is None else cases_of_junit(first.read_text(encoding="utf-8"))
    skips = [(name, seen.message) for name, seen in cases.items() if seen.kind == "skipped"]
    for sentence in left_out(skips, left):
        print(f"espbench: {sentence}")
    return sessions.worst(statuses) or int(not all(verdict.good for verdict in found))


def _shown(path: Path) -> Path:
    """Return a path relative to the current folder, if it is below that."""
    here_now = Path.cwd()
    return path.relative_to(here_now) if path.is_relative_to(here_now) else path


def left_out(skips: Iterable[tuple[str, str]], boards: Mapping[str, str]) -> list[str]:
    """Return a short line for each reason for which tests or boards were omitted; pure.

    Args:
        skips: node ID and reason of each skipped test.
        boards: reasons for omitting boards, by name.
    """
    found = {reason: [tests] for reason, tests in skips_by_reason(skips, "test").items()}
    for name, reason in boards.items():
        found.setdefault(short(reason), []).append(f"board {name}")
    lines = [f"left out: {listing(what)}: {reason}" for reason, what in found.items()]
    missing = any(not reason.startswith(here.VARIABLE) for reason in boards.values())
    return [*lines, "`espbench doctor` says how to get what is missing"] if missing else lines
