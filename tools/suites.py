# SPDX-License-Identifier: MIT
"""Runs all tests: on every board that is here the scenarios, and what else needs each; others once.

    python tools/suites.py -k websocket       # the arguments are pytest's

ESPBENCH_BOARDS=lx60,esp32 chooses the boards, and makes it an error when one of them is not here.
Where several were tested, the first is compared with each other one, as `espbench parity` does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType

import board_parity
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS, board_named
from espbench.cli.shared import WIDE
from espbench.errors import ConfigError, EspbenchError
from espbench.firmware import build
from espbench.firmware.build import builder_of
from espbench.qemu.discovery import find_qemu
from espbench.reporting.parity import render as show
from espbench.reporting.parity.expected import TABLE, Known, read
from espbench.reporting.parity.load import cases_of_junit
from espbench.reporting.skips import by_reason as skips_by_reason
from espbench.reporting.skips import short
from espbench.util.dirlock import first_free
from rich.console import Console

VARIABLE = "ESPBENCH_BOARDS"
TREE = Path(__file__).resolve().parent.parent
RESULTS = Path("build", "test")
"""Where each board's JUnit XML goes, below the tree."""
TABLES = (TABLE, Path("harness", "tests", "expected_differences.toml"))
"""The expected differences: in scenarios, and in `ON_EACH_BOARD`."""
ON_EACH_BOARD = (
    "harness/tests/docs/test_https_guide.py",
    "harness/tests/docs/test_readme.py",
    "harness/tests/docs/test_stubs.py",
    "harness/tests/embedded/test_dut.py",
    "harness/tests/perf/test_regressions.py",
    "harness/tests/recording/test_record_replay.py",
)
"""Tests of the harness that run with each board's firmware, as the scenarios do."""
INTERRUPTED = 2
"""pytest's exit status after Ctrl-C."""
NOTHING_COLLECTED = 5
"""pytest's exit status when no test was selected."""
ENDED = (0, 1, NOTHING_COLLECTED)
"""pytest's exit statuses when it came to its own end."""


def chosen(environment: Mapping[str, str]) -> list[Board]:
    """Return the boards that the environment chooses; none when it chooses none.

    Raises:
        ConfigError: there is no such board.
    """
    names = [name.strip() for name in environment.get(VARIABLE, "").split(",")]
    return [board_named(name) for name in dict.fromkeys(names) if name]


def absence(board: Board) -> str:
    """Return why a board cannot be tested here, or ""."""
    builder = builder_of(board)
    try:
        find_qemu(board)
        builder.job(board, TREE, None)
        builder.check_tools(board)
    except EspbenchError as error:
        return str(error)
    return ""


def select(
    wanted: Sequence[Board], absent: Mapping[str, str]
) -> tuple[list[Board], dict[str, str]]:
    """Return the boards to test, and why each other one is left out; pure.

    Args:
        wanted: the boards that somebody chose; empty for all that are here.
        absent: why boards are not here, by name.

    Raises:
        ConfigError: a board that somebody chose is not here.
    """
    for board in wanted:
        if board.name in absent:
            raise ConfigError(
                f"{VARIABLE} asks for board {board.name}, which cannot be tested here: "
                f"{absent[board.name]}"
            )
    boards = list(wanted) or [b for b in BOARDS.values() if b.name not in absent]
    left = {
        name: absent.get(name) or f"{VARIABLE} does not name it."
        for name in BOARDS
        if name not in [board.name for board in boards]
    }
    return boards, left


def left_out(skips: Iterable[tuple[str, str]], boards: Mapping[str, str]) -> list[str]:
    """Return a line for each reason for which tests or boards were left out, short; pure.

    Args:
        skips: node id and reason of each test that was skipped.
        boards: why boards were left out.
    """
    found = {reason: [tests] for reason, tests in skips_by_reason(skips, "test").items()}
    for name, reason in boards.items():
        found.setdefault(short(reason), []).append(f"board {name}")
    lines = [f"left out: {' and '.join(what)}: {reason}" for reason, what in found.items()]
    missing = any(not reason.startswith(VARIABLE) for reason in boards.values())
    return [*lines, "`espbench doctor` says how to get what is missing"] if missing else lines


def commands(
    boards: Iterable[Board], arguments: Sequence[str], folder: Path = RESULTS
) -> list[list[str]]:
    """Return pytest's command lines: what needs no board, or just any, runs with the first."""
    # The last lines say why tests were skipped, each reason once: so pytest does not.
    base = [sys.executable, "-m", "pytest", "-rfExX", "-n", "auto", "--dist", "worksteal"]
    given = any(_is_path(argument) for argument in arguments)
    paths = [] if given else ["scenarios", *ON_EACH_BOARD]
    return [
        [
            *(*base, "--espbench-board", board.name, f"--junitxml={results_of(board, folder)}"),
            *(*arguments, *(paths if number else [])),
        ]
        for number, board in enumerate(boards)
    ]


def results_of(board: Board, folder: Path) -> Path:
    """Return the file with a board's results."""
    return folder / f"{board.name}.xml"


def _is_path(argument: str) -> bool:
    return not argument.startswith("-") and (TREE / argument.partition("::")[0]).exists()


def worst(statuses: Sequence[int]) -> int:
    """Return the exit status of all runs; a further board for which nothing is selected is fine."""
    first, *others = statuses
    return first or next((s for s in others if s not in (0, NOTHING_COLLECTED)), 0)


def _run_all(runs: Sequence[Sequence[str]]) -> list[int]:
    """Run one after the other, none after one that was interrupted; return their exit statuses."""
    statuses: list[int] = []
    for command in runs:
        interrupted = bool(statuses) and statuses[-1] == INTERRUPTED
        statuses.append(INTERRUPTED if interrupted else _run(command))
    return statuses


def _run(command: Sequence[str]) -> int:
    process = subprocess.Popen(command, cwd=TREE)

    def hand_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    # A terminal sends Ctrl-C to pytest as well; SIGTERM comes to this process alone.
    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # pytest cleans up
    finally:
        signal.signal(signal.SIGTERM, before)


def main(arguments: Sequence[str]) -> int:
    """Build, test, compare and report; return an exit status."""
    console = Console(stderr=True)
    claim = first_free(TREE / RESULTS)
    try:
        wanted = chosen(os.environ)
        looked_at = wanted or [board for board in BOARDS.values() if board.optional]
        absent = {board.name: why for board in looked_at if (why := absence(board))}
        boards, left = select(wanted, absent)
        tables = TABLES if len(boards) > 1 else ()
        known = [entry for table in tables for entry in read(TREE / table)]
        for board in boards:
            build.build(board, console=console)
        folder = claim.folder.relative_to(TREE)
        if folder != RESULTS:
            sentence = f"another run writes {RESULTS} now, so this one's results go to {folder}"
            print(f"espbench: {sentence}", flush=True)
        return _test(boards, left, arguments, folder, known)
    except EspbenchError as error:
        print(f"espbench: {error}", file=sys.stderr)
        return 1
    finally:
        claim.release()


def _test(
    boards: Sequence[Board],
    left: Mapping[str, str],
    arguments: Sequence[str],
    folder: Path,
    known: Sequence[Known],
) -> int:
    files = {board.name: TREE / results_of(board, folder) for board in boards}
    for file in files.values():
        file.unlink(missing_ok=True)  # of an earlier run: pytest may not come to writing another
    statuses = _run_all(commands(boards, arguments, folder))
    results = {
        name: file if status in ENDED and file.exists() else None
        for (name, file), status in zip(files.items(), statuses, strict=True)
    }
    verdicts = board_parity.verdicts(results, known, selected=bool(arguments), also=ON_EACH_BOARD)
    console = Console() if sys.stdout.isatty() else Console(width=WIDE)
    for verdict in verdicts:
        if verdict.comparison and show.differs(verdict.comparison):
            console.print(show.table(verdict.comparison))
    for board, status in zip(boards, statuses, strict=True):
        print(f"espbench: board {board.name} was tested: {outcome(status)}")
    for verdict in verdicts:
        print(f"espbench: parity: {verdict.sentence}")
    print(f"espbench: results are in {folder}")
    # The first run has what needs no board, or just any.
    first = results[boards[0].name]
    cases = {} if first is None else cases_of_junit(first.read_text(encoding="utf-8"))
    skips = [(name, seen.message) for name, seen in cases.items() if seen.kind == "skipped"]
    for sentence in left_out(skips, left):
        print(f"espbench: {sentence}")
    return worst(statuses) or int(not all(verdict.good for verdict in verdicts))


def outcome(status: int) -> str:
    """Return what pytest's exit status means."""
    known = {
        0: "all passed",
        1: "some failed",
        INTERRUPTED: "interrupted",
        NOTHING_COLLECTED: "none selected",
    }
    return known.get(status, f"pytest ended with status {status}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
