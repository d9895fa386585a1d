# SPDX-License-Identifier: MIT
"""The table of known differences between boards: a file in the tree, read and checked."""

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
"""Where the tree has it."""
ENTRY = "difference"
"""Name of the entries in the file."""
KEYS = ("scenario", "boards", "why")

Kind = Literal["passed", "failed", "skipped", "missing"]


@dataclass(frozen=True)
class Seen:
    """How a scenario ended on a board.

    Attributes:
        kind: "missing" when the board's run does not have it.
        message: why it failed (first line) or was skipped.
    """

    kind: Kind
    message: str = ""

    def __str__(self) -> str:
        """Return both as people read them, and as the table may have them."""
        return f"{self.kind}: {self.message}" if self.message else self.kind


@dataclass(frozen=True)
class Known:
    """One known difference.

    Attributes:
        scenario: a node id, where * stands for anything.
        outcomes: by board, such as "passed" or "skipped: needs board *".
        why: the boards differ, in one sentence.
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
        """Return whether it says that the scenario ends like this on these boards."""
        return self.names(nodeid) and all(
            board in self.outcomes and _fits(self.outcomes[board], outcome)
            for board, outcome in seen.items()
        )


def like(pattern: str, text: str) -> bool:
    """Return whether a text fits a pattern, where only * is special.

    Node ids are full of brackets and question marks, which fnmatch would take for its own.
    """
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def _fits(expected: str, seen: Seen) -> bool:
    kind, colon, reason = expected.partition(":")
    return kind == seen.kind and (not colon or like(reason.strip(), seen.message))


# ------------------------------------------------------------------- the file


def read(path: Path) -> list[Known]:
    """Return the known differences.

    Raises:
        ConfigError: the file is not there, or one of its entries cannot be right.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path} with the known differences cannot be read ({error.strerror}): check --table."
        ) from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are among them
        raise ConfigError(f"{path} is no TOML ({error}): mend it.") from None
    for key in data:
        if key != ENTRY:
            raise ConfigError(
                f"{path}: {key!r} is not known: write [[{ENTRY}]] above each known difference."
            )
    entries = data.get(ENTRY, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"{path}: {ENTRY} is no list: write [[{ENTRY}]] above each of them.")
    return [_known(f"{path}, difference {n}", entry) for n, entry in enumerate(entries, 1)]


def _known(where: str, entry: Mapping[str, Any]) -> Known:
    for key in entry:
        if key not in KEYS:
            raise ConfigError(f"{where}: {key!r} is not known: write {', '.join(KEYS)}.")
    scenario, why = entry.get("scenario"), entry.get("why")
    if not isinstance(scenario, str) or not scenario.strip():
        raise ConfigError(
            f"{where} names no scenario: write its node id, with * for anything, such as "
            'scenario = "scenarios/protocol/test_dual.py::*".'
        )
    if not isinstance(why, str) or "\n" in why.strip() or not why.strip().endswith("."):
        raise ConfigError(
            f"{where} ({scenario}) does not explain itself: write why the boards differ, one "
            "sentence in one line that ends in a full stop."
        )
    return Known(scenario, _outcomes(f"{where} ({scenario})", entry.get("boards")), why.strip())


def _outcomes(where: str, boards: object) -> dict[str, str]:
    if not isinstance(boards, dict) or len(boards) < 2:
        raise ConfigError(
            f"{where} has no outcomes of two boards: write them as in "
            'boards = { lx60 = "passed", esp32 = "skipped" }.'
        )
    for board, outcome in boards.items():
        if board not in BOARDS:
            raise ConfigError(
                f"{where}: there is no board {board!r}: choose from {', '.join(sorted(BOARDS))}."
            )
        _check_outcome(f"{where}: the outcome of {board}", outcome)
    if len(set(boards.values())) == 1:
        raise ConfigError(
            f"{where} lists the same outcome for all boards: remove it, or tell apart what differs."
        )
    return cast("dict[str, str]", boards)


def _check_outcome(what: str, outcome: object) -> None:
    kind, colon, _ = outcome.partition(":") if isinstance(outcome, str) else ("", "", "")
    if kind not in get_args(Kind):
        raise ConfigError(
            f"{what} is {outcome!r}: write one of {', '.join(get_args(Kind))}, where failed and "
            "skipped may name a reason, as in 'skipped: needs *'."
        )
    if colon and kind not in ("failed", "skipped"):
        raise ConfigError(f"{what} is {outcome!r}: only failed and skipped have a reason.")
