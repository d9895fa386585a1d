# SPDX-License-Identifier: MIT
"""The figures of earlier runs: a file with a line of JSON for each run, which runs append to."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from espbench.errors import ConfigError
from espbench.perf.figures import Figure
from espbench.util.programs import output

NAME = "history.jsonl"
FORMAT = 1
"""Count up when an older espbench would misunderstand a line."""
MOST = 500
"""Runs that a file keeps; the oldest go first."""
SLACK = 50
"""Runs more than that before the file is written anew."""
SHOWN = 60
"""Runs that the report shows."""


@dataclass(frozen=True)
class Entry:
    """One run.

    Attributes:
        at: when it began, in ISO format.
        board: its name.
        firmware: name of the firmware's file; figures of different firmware are not one history.
        commit: of git, short, with "+" when files were changed; "" outside of git.
        figures: value by the figure's key.
        versions: of what took part.
    """

    at: str
    board: str
    firmware: str
    commit: str
    figures: Mapping[str, float]
    versions: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {
            "format": FORMAT,
            "at": self.at,
            "board": self.board,
            "firmware": self.firmware,
            "commit": self.commit,
            "figures": dict(self.figures),
            "versions": dict(self.versions),
        }


@dataclass(frozen=True)
class Past:
    """What a file of history says of one board and firmware.

    Attributes:
        entries: oldest first.
        damaged: numbers of the lines that are none; they stay in the file.
    """

    entries: Sequence[Entry] = ()
    damaged: Sequence[int] = ()

    def complaint(self, path: Path) -> str:
        """Return a sentence about the lines that could not be read, or ""."""
        if not self.damaged:
            return ""
        lines = ", ".join(str(number) for number in self.damaged[:5])
        return (
            f"The history {path} has lines that are damaged or of a newer espbench ({lines}): they "
            "are left out; remove them, or use that espbench."
        )


@dataclass(frozen=True)
class Trend:
    """A figure's history, this run's value last.

    Attributes:
        values: oldest first.
        names: when and on which commit each was measured.
    """

    values: Sequence[float]
    names: Sequence[str]

    @property
    def median(self) -> float:
        """The median of the runs before this one."""
        return statistics.median(self.values[:-1])


def commit(folder: Path | None) -> str:
    """Return the commit of the tree at a folder, with "+" when its files differ; "" without git."""
    if folder is None:
        return ""
    git = ["git", "-C", str(folder)]
    name = output([*git, "rev-parse", "--short=10", "HEAD"]).strip()
    changed = output([*git, "status", "--porcelain", "--untracked-files=no"]).strip()
    return f"{name}+" if name and changed else name


def check_file(path: Path) -> None:
    """Check, before a run that takes minutes, that its figures can be added to a file.

    Raises:
        ConfigError: they cannot.
    """
    with _readable(path), contextlib.suppress(FileNotFoundError):
        check(path.read_text(encoding="utf-8"), path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"The history {path} cannot be read and written ({reason}): name another file with "
            "--history."
        ) from error


def append(path: Path, entry: Entry) -> Past:
    """Add a run to a file, and return the runs of its board and firmware, this one included.

    Runs that end at once wait for each other.

    Raises:
        ConfigError: the file cannot be read or written, or is no history at all.
    """
    with _readable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as file:
            text = file.read()
            check(text, path)
            # A run that was killed may have left half a line.
            lead = "\n" if text and not text.endswith("\n") else ""
            line = json.dumps(entry.as_json(), sort_keys=True) + "\n"
            file.write(lead + line)
            file.flush()
            text += lead + line
            lines = text.splitlines(keepends=True)
            if len(lines) > MOST + SLACK:
                _replace(path, "".join(lines[-MOST:]))
    return parse(text, entry.board, entry.firmware)


def check(text: str, path: Path) -> None:
    """Check that a text is a history: nothing is appended to somebody's other file.

    Raises:
        ConfigError: not one of its lines is an entry.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and all(_entry(line) is None for line in lines):
        raise ConfigError(
            f"{path} is no history of figures: name another file with --history, or remove it."
        )


def parse(text: str, board: str, firmware: str) -> Past:
    """Return the runs of a board and firmware in a text, in the order of their time."""
    entries, damaged = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        entry = _entry(line)
        if entry is None:
            damaged.append(number)
        elif (entry.board, entry.firmware) == (board, firmware):
            entries.append(entry)
    return Past(sorted(entries, key=lambda entry: entry.at), damaged)


def trend(past: Past, figure: Figure) -> Trend | None:
    """Return the history of a figure, or None when no run before had it."""
    known = [entry for entry in past.entries if figure.key in entry.figures][-SHOWN:]
    if len(known) < 2:
        return None
    return Trend(
        [entry.figures[figure.key] for entry in known],
        [f"{entry.at[:16].replace('T', ' ')} {entry.commit}".strip() for entry in known],
    )


def _entry(line: str) -> Entry | None:
    try:
        data = json.loads(line)
        if data["format"] != FORMAT:
            return None
        return Entry(
            str(data["at"]),
            str(data["board"]),
            str(data["firmware"]),
            str(data["commit"]),
            {str(key): float(value) for key, value in data["figures"].items()},
            {str(key): str(value) for key, value in data["versions"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[TextIO]:
    """Open a file to read and append, with nobody else at it; a lock ends with its process."""
    while True:
        file = path.open("a+", encoding="utf-8")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever had the lock before may have put a new file in its place.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    file.seek(0)
                    yield file
                    return


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
