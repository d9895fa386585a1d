# SPDX-License-Identifier: MIT
"""Reads and checks the file of known differences between boards."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from espbench.boards.builtin import BOARDS
from espbench.errors import ConfigError

TABLE = Path("scenarios") / "expected_differences.toml"
"""Path of the file in the tree."""
ENTRY = "difference"
"""Key of the entries in the file."""
KEYS = ("scenario", "boards", "why")

Kind = Literal["passed", "failed", "skipped", "missing"]


@dataclass(frozen=True)
class Seen:
    """The outcome of a scenario on a board.

    Attributes:
        kind: the outcome; "missing" if the board's results do not have the scenario.
        message: why it failed (first line) or was skipped.
    """

    kind: Kind
    message: str = ""

    def __str__(self) -> str:
        """Return the outcome in the notation of the file."""
        return f"{self.kind}: {self.message}" if self.message else self.kind


@dataclass(frozen=True)
class Known:
    """One known difference.

    Attributes:
        scenario: a node ID, where * stands for anything.
        outcomes: outcomes by board, such as "passed" or "skipped: needs board *".
        why: why the boards differ, in one sentence.
    """

    scenario: str
    outcomes: Mapping[str, str]
    why: str

    def names(self, nodeid: str) -> bool:
        """Return whether it is about this scenario."""
        return like(self.scenario, nodeid)

    def concerns(self, boards: tuple[str, str]) -> bool:
        """Return whether it lists a difference between these boards."""
        one, other = (self.outcomes.get(board) for board in boards)
        return None not in (one, other) and one != other

    def explains(self, nodeid: str, seen: Mapping[str, Seen]) -> bool:
        """Return whether it expects these outcomes of the scenario."""
        return self.names(nodeid) and all(
            board in self.outcomes and _fits(self.outcomes[board], outcome)
            for board, outcome in seen.items()
        )


def like(pattern: str, text: str) -> bool:
    """Return whether a text matches a pattern in which only * is special.

    Node IDs often contain brackets and question marks, which fnmatch would interpret.
    """
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _fits(expected: str, seen: Seen) -> bool:
    kind, colon, reason = expected.partition(":")
    return kind == seen.kind and (not colon or like(reason.strip(), seen.message))


# ------------------------------------------------------------------- the file


def read(path: Path) -> list[Known]:
    """Return the known differences.

    Raises:
        ConfigError: the file cannot be read, or an entry is invalid.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path} with the known differences cannot be read ({error.strerror}): check --table."
        ) from None
    except ValueError as error:  # includes TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(f"{path} is not valid TOML ({error}): correct it.") from None
    for key in data:
        if key != ENTRY:
            raise ConfigError(
                f"{path}: unknown key {key!r}: write [[{ENTRY}]] above each known difference."
            )
    entries = data.get(ENTRY, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{path}: {ENTRY} is not a list: write [[{ENTRY}]] above each entry.")
    return [_known(f"{path}, difference {n}", entry) for n, entry in enumerate(entries, 1)]


def _known(where: str, entry: Mapping[str, Any]) -> Known:
    for key in entry:
        if key not in KEYS:
            raise ConfigError(f"{where}: unknown key {key!r}: use {', '.join(KEYS)}.")
    scenario, why = entry.get("scenario"), entry.get("why")
    if not isinstance(scenario, str) or not scenario.strip():
        raise ConfigError(
            f"{where} names no scenario: write its node ID, with * for anything, such as "
            'scenario = "scenarios/protocol/test_dual.py::*".'
        )
    if not isinstance(why, str) or "\n" in why.strip() or not why.strip().endswith("."):
        raise ConfigError(
            f"{where} ({scenario}) has no valid explanation: under why, write in one line why the "
            "boards differ, ending in a full stop."
        )
    return Known(scenario, _outcomes(f"{where} ({scenario})", entry.get("boards")), why.strip())


def _outcomes(where: str, boards: object) -> dict[str, str]:
    if not isinstance(boards, dict) or len(boards) < 2:
        raise ConfigError(
            f"{where} does not have the outcomes of two boards: write them as in "
            'boards = { lx60 = "passed", esp32 = "skipped" }.'
        )
    for board, outcome in boards.items():
        if board not in BOARDS:
            raise ConfigError(
                f"{where}: unknown board {board!r}: choose from {', '.join(sorted(BOARDS))}."
            )
        _check_outcome(f"{where}: the outcome of {board}", outcome)
    if len(set(boards.values())) == 1:
        raise ConfigError(
            f"{where} has the same outcome for all boards: remove it, or correct the outcomes."
        )
    return cast("dict[str, str]", boards)


def _check_outcome(what: str, outcome: object) -> None:
    kind, colon, _ = outcome.partition(":") if isinstance(outcome, str) else ("", "", "")
    if kind not in get_args(Kind):
        raise ConfigError(
            f"{what} is {outcome!r}: use one of {', '.join(get_args(Kind))}; failed and skipped "
            "may have a reason, as in 'skipped: needs *'."
        )
    if colon and kind not in ("failed", "skipped"):
        raise ConfigError(
            f"{what} is {outcome!r}, but only failed and skipped can have a reason: remove it."
        )
