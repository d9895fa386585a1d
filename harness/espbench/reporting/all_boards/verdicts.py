# SPDX-License-Identifier: MIT
"""Compares what the boards of one run made of the scenarios, as `espbench parity` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from espbench.reporting.parity import command
from espbench.reporting.parity import render as show
from espbench.reporting.parity.compare import Comparison, Side, compare
from espbench.reporting.parity.expected import Known
from espbench.reporting.parity.load import side_of_file


@dataclass(frozen=True)
class Verdict:
    """What became of the comparison of two boards.

    Attributes:
        sentence: for the last lines.
        comparison: None when there was nothing to compare.
    """

    sentence: str
    comparison: Comparison | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is unexplained."""
        return self.comparison is None or self.comparison.good


def verdicts(
    results: Mapping[str, Path | None],
    known: Sequence[Known],
    *,
    selected: bool,
    also: tuple[str, ...] = (),
) -> list[Verdict]:
    """Compare the first board with each other one, and leave each comparison beside its results.

    Args:
        results: JUnit XML by board; None where a run did not come to its end.
        known: the differences that are explained.
        selected: whether somebody chose what to run: then boards are compared in what both have.
        also: files of the harness's tests that ran on each board.

    Raises:
        ConfigError: a file has no results.
    """
    first, *others = results
    return [
        _verdict((first, other), results, known, selected=selected, also=also) for other in others
    ]


def _verdict(
    boards: tuple[str, str],
    results: Mapping[str, Path | None],
    known: Sequence[Known],
    *,
    selected: bool,
    also: tuple[str, ...],
) -> Verdict:
    title = " and ".join(boards)
    files = {board: path for board in boards if (path := results[board])}
    if len(files) < len(boards):
        broken = " and ".join(board for board in boards if board not in files)
        return Verdict(
            f"{title} were not compared, as the run did not come to its end on {broken}."
        )
    sides = {
        board: side_of_file(board, path, empty=True, also=also) for board, path in files.items()
    }
    one, other = (replace(sides[board], selected=selected) for board in boards)
    left = 0
    if selected:
        # What one board lacks was perhaps not chosen there (--lf, -x), and is no difference.
        left = len(one.scenarios.keys() ^ other.scenarios.keys())
        one, other = in_common(one, other), in_common(other, one)
        if not any(ran(side) for side in (one, other)):
            return Verdict(f"{title} were not compared: no scenario ran on either of them.")
    comparison = compare(one, other, known)
    command.write(comparison, sides, files[boards[1]].with_name(f"parity-{'-'.join(boards)}"))
    sentences = [show.summary(comparison), *comparison.complaints]
    if left:
        sentences.append(f"Scenarios that one of the two did not have, and left aside: {left}.")
    return Verdict(" ".join(sentences), comparison)


def in_common(side: Side, other: Side) -> Side:
    """Return a side with the scenarios only that the other one has as well."""
    shared = {name: seen for name, seen in side.scenarios.items() if name in other.scenarios}
    return replace(side, scenarios=shared)


def ran(side: Side) -> bool:
    """Return whether a scenario was run, and not skipped."""
    return any(seen.kind in ("passed", "failed") for seen in side.scenarios.values())
