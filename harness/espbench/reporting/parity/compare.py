# SPDX-License-Identifier: MIT
"""Compares the results of the same suites on two boards; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from espbench.device.boot_phases import BootPhase
from espbench.reporting.parity.expected import Known, Seen

MISSING = Seen("missing")


@dataclass(frozen=True)
class Side:
    """The results of one board.

    Attributes:
        board: name of the board.
        scenarios: outcomes by node ID.
        selected: whether only some suites or scenarios were selected.
        complaint: why the run was incomplete, or "".
        boot: the phases of a boot, if measured.
    """

    board: str
    scenarios: Mapping[str, Seen]
    selected: bool = False
    complaint: str = ""
    boot: tuple[BootPhase, ...] = ()


@dataclass(frozen=True)
class Row:
    """A scenario that differs; `known` is None if the difference is unexplained."""

    scenario: str
    seen: tuple[Seen, Seen]
    known: Known | None = None


@dataclass(frozen=True)
class Comparison:
    """The differences between two boards.

    Attributes:
        boards: names of the boards.
        rows: the scenarios that differ, in the order of the results.
        stale: known differences that no longer exist.
        alike: number of scenarios with the same outcome on both, by kind.
        complaints: why the comparison cannot be trusted.
    """

    boards: tuple[str, str]
    rows: tuple[Row, ...] = ()
    stale: tuple[Known, ...] = ()
    alike: Mapping[str, int] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()

    @property
    def unexplained(self) -> tuple[Row, ...]:
        """The rows that fail the comparison."""
        return tuple(row for row in self.rows if row.known is None)

    @property
    def good(self) -> bool:
        """Whether every difference is explained, and no explanation is stale."""
        return not (self.unexplained or self.stale or self.complaints)


def compare(left: Side, right: Side, known: Sequence[Known]) -> Comparison:
    """Return the differences with their explanations, and the stale explanations."""
    boards = (left.board, right.board)
    rows: list[Row] = []
    alike: Counter[str] = Counter()
    needed: set[int] = set()
    names = list(dict.fromkeys([*left.scenarios, *right.scenarios]))
    for name in names:
        one, other = (side.scenarios.get(name, MISSING) for side in (left, right))
        if same(one, other):
            alike[one.kind] += 1
            continue
        seen = {left.board: one, right.board: other}
        reasons = [n for n, entry in enumerate(known) if entry.explains(name, seen)]
        needed.update(reasons)
        rows.append(Row(name, (one, other), known[reasons[0]] if reasons else None))
    # If only some suites ran, entries about others do not matter. If all ran, an entry without a
    # scenario is about one that was renamed or removed.
    everything = not (left.selected or right.selected)
    stale = tuple(
        entry
        for number, entry in enumerate(known)
        if number not in needed
        and entry.concerns(boards)
        and (everything or any(map(entry.names, names)))
    )
    return Comparison(boards, tuple(rows), stale, dict(alike), _complaints(left, right))


def same(one: Seen, other: Seen) -> bool:
    """Return whether both outcomes are the same; skips must have the same reason."""
    return one.kind == other.kind and (one.kind != "skipped" or one.message == other.message)


def _complaints(left: Side, right: Side) -> tuple[str, ...]:
    found = [
        f"The run on {side.board} was incomplete: {side.complaint}"
        for side in (left, right)
        if side.complaint
    ]
    if not any(seen.kind == "passed" for side in (left, right) for seen in side.scenarios.values()):
        # Two boards on which nothing works would be alike, which is misleading.
        found.append(
            f"No scenario passed on {left.board} or {right.board}: fix that before comparing them."
        )
    return tuple(found)
