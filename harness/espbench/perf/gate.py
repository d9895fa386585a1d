# SPDX-License-Identifier: MIT
"""Compares a firmware's figures with a baseline, with a verdict on each; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from espbench.perf.baseline import Baseline, Entry
from espbench.perf.metrics import (
    COMPILER,
    IMAGE_FILE,
    OUTSIDE,
    SECTION,
    STACK,
    TLSLITE,
    Reading,
    Tolerance,
    amount,
    section_kind,
    stack_kind,
)
from espbench.perf.toolchain import compiler_in

Verdict = Literal[
    "worse", "better", "moved", "same", "new", "unavailable", "lost", "not comparable"
]
BAD: frozenset[Verdict] = frozenset({"worse", "lost"})
"""Verdicts that close the gate."""


@dataclass(frozen=True)
class Row:
    """One figure compared with its baseline.

    Attributes:
        key, title, unit: see `metrics.Kind`.
        before, after: the values, or None.
        tolerance: how much worse it may get.
        verdict: "worse" (beyond the tolerance), "lost" (in the baseline, but can no longer be
            measured), "better" (beyond the tolerance, in the good direction), "moved" (within the
            tolerance), "same", "new" (not in the baseline), "unavailable" (in neither), "not
            comparable" (depends on a compiler or library that differs from the baseline's).
        reason: why it is unavailable or not comparable, or "".
    """

    key: str
    title: str
    unit: str
    before: float | None
    after: float | None
    tolerance: Tolerance
    verdict: Verdict
    reason: str = ""

    @property
    def bad(self) -> bool:
        """Whether it closes the gate."""
        return self.verdict in BAD

    @property
    def change(self) -> float | None:
        """The difference, or None."""
        return None if self.before is None or self.after is None else self.after - self.before

    def shown_change(self) -> str:
        """Return the difference for display."""
        if self.change is None or not self.change:
            return ""
        percent = f" ({100 * self.change / self.before:+.2f} %)" if self.before else ""
        return amount(self.change, self.unit, sign=True) + percent

    def sentence(self) -> str:
        """Return the verdict as a sentence."""
        match self.verdict:
            case "worse" | "better" | "moved":
                assert self.before is not None
                assert self.after is not None
                return (
                    f"{self.title}: {amount(self.before, self.unit)} before, "
                    f"{amount(self.after, self.unit)} now, {self.shown_change()}; "
                    f"{self.tolerance.shown(self.unit)} are tolerated."
                )
            case "lost":
                return f"{self.title} is in the baseline but could not be measured: {self.reason}"
            case "unavailable":
                return f"{self.title} is not available: {self.reason}"
            case "not comparable":
                assert self.before is not None
                assert self.after is not None
                return (
                    f"{self.title} is not comparable ({amount(self.before, self.unit)} before, "
                    f"{amount(self.after, self.unit)} now): {self.reason}"
                )
            case "new":
                return f"{self.title} is not in the baseline: add it with --update."
            case "same":
                return f"{self.title} is the same."


@dataclass(frozen=True)
class Difference:
    """A version that differs from the baseline's.

    Attributes:
        name: key of the version.
        before: the baseline's version.
        now: the version now.
    """

    name: str
    before: str
    now: str

    def reason(self) -> str:
        """Return why figures that depend on it are not comparable."""
        if self.name == COMPILER:
            return f"built with {self.now}, but the baseline with {self.before}."
        return f"measured with {self.name} {self.now}, but the baseline with {self.before}."


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[Difference]:
    """Return the differences in versions that figures depend on; unknown versions do not count."""
    pairs = [(COMPILER, _compiler(before), _compiler(now))]
    pairs.append((TLSLITE, before.get(TLSLITE, ""), now.get(TLSLITE, "")))
    return [Difference(*pair) for pair in pairs if pair[1] and pair[2] and pair[1] != pair[2]]


def _compiler(versions: Mapping[str, str]) -> str:
    return compiler_in(versions.get(COMPILER, ""))


def compare(
    baseline: Baseline, readings: Sequence[Reading], different: Sequence[Difference] = ()
) -> list[Row]:
    """Return a row for each figure in either the baseline or the readings.

    Args:
        baseline: the baseline.
        readings: the measured figures.
        different: result of `differences`, which makes dependent figures incomparable.
    """
    rows = [
        _row(reading, baseline.figures.get(reading.kind.key), different) for reading in readings
    ]
    seen = {reading.kind.key for reading in readings}
    return rows + [_gone(key, entry) for key, entry in baseline.figures.items() if key not in seen]


def passes(rows: Iterable[Row]) -> bool:
    """Return whether the gate is open."""
    return not any(row.bad for row in rows)


def _row(reading: Reading, entry: Entry | None, different: Sequence[Difference]) -> Row:
    kind, reason = reading.kind, reading.reason
    why = [one.reason() for one in different if one.name in kind.depends_on]
    before = entry.value if entry else None
    tolerance = entry.tolerance if entry else kind.tolerance
    verdict: Verdict
    if reading.value is None:
        verdict = "unavailable" if before is None else "lost"
    elif before is None:
        verdict = "new"
    elif why:
        verdict, reason = "not comparable", " ".join(why)
    else:
        verdict = judge(before, reading.value, tolerance, higher=kind.better == "higher")
    return Row(kind.key, kind.title, kind.unit, before, reading.value, tolerance, verdict, reason)


def judge(before: float, after: float, tolerance: Tolerance, *, higher: bool) -> Verdict:
    """Return the verdict on a figure with both values; `higher` is whether higher is better."""
    gain = after - before if higher else before - after
    if not gain:
        return "same"
    if abs(gain) <= tolerance.of(before):
        return "moved"
    return "better" if gain > 0 else "worse"


def _gone(key: str, entry: Entry) -> Row:
    # Sections, tasks and what can be measured from outside differ between firmwares.
    title = key
    if key == IMAGE_FILE.key:
        title = IMAGE_FILE.title
    elif key in OUTSIDE:
        title = OUTSIDE[key].title
    elif key.startswith(STACK):
        title = stack_kind(key.removeprefix(STACK)).title
    elif key.startswith(SECTION):
        title = section_kind(key.removeprefix(SECTION)).title
    if key in OUTSIDE or key.startswith(STACK):
        reason = (
            "this firmware does not have it, or its ELF file is missing (--firmware-elf); if it is "
            "gone on purpose, rewrite the baseline with --update."
        )
    else:
        reason = (
            "this firmware does not have it; if that is intended, rewrite the baseline with "
            "--update."
        )
    verdict: Verdict = "unavailable" if entry.value is None else "lost"
    return Row(key, title, entry.unit, entry.value, None, entry.tolerance, verdict, reason)
