# SPDX-License-Identifier: MIT
"""Compares the results of the boards of one run, like `espbench parity`."""

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
    """The outcome of comparing two boards.

    Attributes:
        sentence: summary, for the run's last lines.
        comparison: the comparison, or None if there was nothing to compare.
    """

    sentence: str
    comparison: Comparison | None = None

    @property
    def good(self) -> bool:
        """Whether all differences are explained."""
        return self.comparison is None or self.comparison.good


def verdicts(
    results: Mapping[str, Path | None],
    known: Sequence[Known],
    *,
    selected: bool,
    also: tuple[str, ...] = (),
) -> list[Verdict]:
    """Compare the first board with each other one, and write each comparison beside its results.

    Args:
        results: JUnit XML by board; None if the session was incomplete.
        known: the known differences.
        selected: whether the user selected tests; then only scenarios that both have are compared.
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
        return Verdict(f"{title} were not compared because the run was incomplete on {broken}.")
    sides = {
        board: side_of_file(board, path, empty=True, also=also) for board, path in files.items()
    }
    one, other = (replace(sides[board], selected=selected) for board in boards)
    left = 0
    if selected:
        # A scenario that one board lacks may not have been selected there (--lf, -x).
        left = len(one.scenarios.keys() ^ other.scenarios.keys())
        one, other = in_common(one, other), in_common(other, one)
        if not any(ran(side) for side in (one, other)):
            return Verdict(f"{title} were not compared: no scenario ran on either of them.")
    comparison = compare(one, other, known)
    command.write(comparison, sides, files[boards[1]].with_name(f"parity-{'-'.join(boards)}"))
    sentences = [show.summary(comparison), *comparison.complaints]
    if left:
        sentences.append(f"Scenarios that only one of the two had were ignored: {left}.")
    return Verdict(" ".join(sentences), comparison)


def in_common(side: Side, other: Side) -> Side:
    """Return a side with only the scenarios that the other one has too."""
    shared = {name: seen for name, seen in side.scenarios.items() if name in other.scenarios}
    return replace(side, scenarios=shared)


def ran(side: Side) -> bool:
    """Return whether any scenario ran, and was not skipped."""
    return any(seen.kind in ("passed", "failed") for seen in side.scenarios.values())
