# SPDX-License-Identifier: MIT
"""`Baseline`: the figures that the gate compares with, in a JSON file under version control."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from espbench.boards.board import Board
from espbench.errors import GateError
from espbench.perf.metrics import Better, Reading, Tolerance

FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One figure of a baseline.

    Attributes:
        value: the value, or None if it was unavailable.
        unit: the value's unit.
        tolerance: how much worse it may get.
        better: which direction is better.
    """

    value: float | None
    unit: str
    tolerance: Tolerance
    better: Better


@dataclass(frozen=True)
class Baseline:
    """A baseline.

    Attributes:
        board: the board's name.
        versions: versions of all tools involved.
        figures: entries by key.
    """

    board: str
    versions: Mapping[str, str]
    figures: Mapping[str, Entry]


def make(
    board: Board,
    readings: Sequence[Reading],
    versions: Mapping[str, str],
    before: Baseline | None = None,
) -> Baseline:
    """Return a baseline of these readings, keeping the tolerances of the previous one."""
    old = before.figures if before else {}
    entries = {}
    for reading in readings:
        kind = reading.kind
        kept = old[kind.key].tolerance if kind.key in old else kind.tolerance
        entries[kind.key] = Entry(reading.value, kind.unit, kept, kind.better)
    return Baseline(board.name, versions, entries)


def as_json(baseline: Baseline) -> dict[str, Any]:
    """Return a baseline as a JSON object."""
    return {
        "format": FORMAT,
        "board": baseline.board,
        "versions": dict(baseline.versions),
        "figures": {
            key: {
                "value": entry.value,
                "unit": entry.unit,
                "better": entry.better,
                "tolerance": entry.tolerance.amount,
                "tolerance_is_percent": entry.tolerance.percent,
            }
            for key, entry in baseline.figures.items()
        },
    }


def write(baseline: Baseline, path: Path) -> None:
    """Write a baseline, sorted for readable diffs.

    Raises:
        GateError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(as_json(baseline), indent=1, sort_keys=True) + "\n")
    except OSError as error:
        raise GateError(
            f"The baseline {path} cannot be written ({error.strerror}): name another place with "
            "--baseline."
        ) from error


def read(path: Path, board: Board) -> Baseline:
    """Return the baseline in a file.

    Raises:
        GateError: the baseline is missing, damaged, or for another board.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GateError(
            f"The baseline {path} does not exist: run the same command with --update to write one."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise GateError(f"The baseline {path} cannot be read ({error}): {_REPLACE}") from error
    try:
        baseline = parse(text)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise GateError(f"The baseline {path} is damaged ({what}): {_REPLACE}") from error
    if baseline.board != board.name:
        raise GateError(
            f"The baseline {path} is for board {baseline.board}, not {board.name}: give the "
            f"baseline of {board.name}, or --board {baseline.board}."
        )
    return baseline


_REPLACE = "restore it from version control, or remove it and write a new one with --update."


def parse(text: str) -> Baseline:
    """Return the baseline in a text.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the text is not a baseline.
    """
    data = json.loads(text)
    if data["format"] != FORMAT:
        raise ValueError(f"its format is {data['format']}, but this espbench knows {FORMAT}")
    figures = {str(key): _entry(key, entry) for key, entry in data["figures"].items()}
    versions = {str(key): str(value) for key, value in data["versions"].items()}
    return Baseline(str(data["board"]), versions, figures)


def _entry(key: str, entry: Mapping[str, Any]) -> Entry:
    if entry["better"] not in ("lower", "higher"):
        raise ValueError(f"{key} is better {entry['better']!r}, not lower or higher")
    tolerance = Tolerance(_number(entry["tolerance"]), bool(entry["tolerance_is_percent"]))
    value = None if entry["value"] is None else _number(entry["value"])
    return Entry(value, str(entry["unit"]), tolerance, cast("Better", entry["better"]))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return value
