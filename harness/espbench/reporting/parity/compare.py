# SPDX-License-Identifier: MIT
"""Compares what two boards made of the same suites: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from espbench.device.boot_phases import Mark
from espbench.reporting.parity.expected import Known, Seen

MISSING = Seen("missing")


@dataclass(frozen=True)
class Side:
    """What a board made of the suites.

    Attributes:
        board: its name.
        scenarios: by node id.
        selected: whether only some suites or scenarios were asked for.
        complaint: why the run did not come to its own end, or "".
        boot: what happened in a boot, when it was measured.
    """

    board: str
    scenarios: Mapping[str, Seen]
    selected: bool = False
    complaint: str = ""
    boot: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Row:
    """A scenario that differs; `known` is None when nobody has explained why."""

    scenario: str
    seen: tuple[Seen, Seen]
    known: Known | None = None


@dataclass(frozen=True)
class Comparison:
    """What differs between two boards.

    Attributes:
        boards: their names.
        rows: the scenarios that differ, in the order in which they were found.
        stale: known differences that are none any more.
        alike: how many scenarios ended the same way on both, by kind.
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
        """Whether every difference is explained, and every explanation is needed."""
        return not (self.unexplained or self.stale or self.complaints)


def compare(left: Side, right: Side, known: Sequence[Known]) -> Comparison:
    """Return what differs, with its explanations, and the explanations that are not needed."""
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
    # In a run of some suites an entry about others says nothing; in a run of all, an entry that
    # names no scenario is about one that was renamed or removed.
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
    """Return whether both are one outcome; what is skipped must be so for the same reason."""
    return one.kind == other.kind and (one.kind != "skipped" or one.message == other.message)


def _complaints(left: Side, right: Side) -> tuple[str, ...]:
    found = [
        f"The scenarios of {side.board} did not come to their end: {side.complaint}"
        for side in (left, right)
        if side.complaint
    ]
    if not any(seen.kind == "passed" for side in (left, right) for seen in side.scenarios.values()):
        # Two boards on which nothing works are alike, and nobody wants to hear that.
        found.append(
            f"Not one scenario passed on {left.board} or {right.board}: mend that before you "
            "compare them."
        )
    return tuple(found)
