# SPDX-License-Identifier: MIT
"""Runs the suites on two boards, or reads existing results, and compares them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from espbench.errors import ConfigError, EspbenchError
from espbench.firmware import source_tree as tree
from espbench.perf import figures
from espbench.reporting import runner as run
from espbench.reporting.model import Plan
from espbench.reporting.parity import render as show
from espbench.reporting.parity.compare import Comparison, Side, compare
from espbench.reporting.parity.expected import TABLE, read
from espbench.reporting.parity.load import side_of_file, side_of_run


@dataclass(frozen=True)
class ParityOptions:
    """The options of `espbench parity`.

    Attributes:
        plans: a plan for each board, with its own firmware and folder.
        results: files with existing results, by board; these boards are not run.
        table: file of known differences; None for the tree's own.
        out: folder for the comparison.
    """

    plans: tuple[Plan, Plan]
    results: Mapping[str, Path]
    table: Path | None
    out: Path


def by_board(option: str, texts: list[str], boards: tuple[str, ...]) -> dict[str, Path]:
    """Return the paths of an option that is given as BOARD=PATH, once per board.

    Raises:
        ConfigError: a value has another form, repeats a board, or names one that is not compared.
    """
    paths: dict[str, Path] = {}
    for text in texts:
        board, equals, path = text.partition("=")
        if not (equals and board and path):
            raise ConfigError(
                f"{option} {text!r} is not BOARD=PATH: write it as in {option} {boards[-1]}=PATH."
            )
        if board not in boards:
            raise ConfigError(
                f"{option} is for board {board!r}, which is not compared: add it to --boards "
                f"({','.join(boards)})."
            )
        if board in paths:
            raise ConfigError(f"{option} is given twice for board {board}: give it once.")
        paths[board] = Path(path)
    return paths


def two_boards(text: str) -> tuple[str, str]:
    """Return the names of the boards to compare.

    Raises:
        ConfigError: the text does not name two different boards.
    """
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or names[0] == names[1] or not all(names):
        raise ConfigError(
            f"--boards {text!r} does not name two boards: write it as in --boards lx60,esp32."
        )
    return names[0], names[1]


def parity(options: ParityOptions, console: Console) -> Comparison:
    """Run the suites where necessary, compare the results, and write the comparison to files.

    Raises:
        EspbenchError: a file is invalid, or a run could not start.
    """
    with run.claimed(options.out):
        return _parity(options, console)


def _parity(options: ParityOptions, console: Console) -> Comparison:
    known = read(options.table or tree.root() / TABLE)
    sides: dict[str, Side] = {
        board: side_of_file(board, path) for board, path in options.results.items()
    }
    left = [plan for plan in options.plans if plan.board.name not in sides]
    # Find a board that cannot start before the other one runs for minutes.
    firmware = {plan.board.name: run.prepare(plan, console) for plan in left}
    for plan in left:
        name = plan.board.name
        console.print(f"board   {name}: {plan.board.title}", highlight=False, soft_wrap=True)
        sides[name] = _run(plan, firmware[name], console)
    one, other = (sides[plan.board.name] for plan in options.plans)
    comparison = compare(one, other, known)
    write(comparison, {side.board: side for side in (one, other)}, options.out)
    return comparison


def _run(plan: Plan, firmware: Path, console: Console) -> Side:
    outcome = run.execute(plan, firmware, console)
    try:
        outcome.boot = figures.boot(plan.board, firmware)
    except (EspbenchError, AssertionError) as error:
        # Only the chart is lost; the comparison is about the scenarios.
        console.print(f"The boot of {plan.board.name} could not be measured: {error}", markup=False)
    run.write(outcome, plan)
    return side_of_run(plan.board.name, run.as_json(outcome))


def write(comparison: Comparison, sides: Mapping[str, Side], folder: Path) -> None:
    """Write the comparison as JSON, Markdown and HTML."""
    folder.mkdir(parents=True, exist_ok=True)
    boots = {board: side.boot for board, side in sides.items()}
    (folder / "parity.json").write_text(json.dumps(show.as_json(comparison), indent=1) + "\n")
    (folder / "parity.md").write_text(show.markdown(comparison), encoding="utf-8")
    (folder / "parity.html").write_text(show.page(comparison, boots), encoding="utf-8")
