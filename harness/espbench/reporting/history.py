# SPDX-License-Identifier: MIT
"""The figures of earlier runs, in a file to which each run appends a line of JSON."""

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
"""Increment this if an older espbench would misunderstand a line."""
MOST = 500
"""Number of runs that a file keeps; the oldest are removed first."""
SLACK = 50
"""Number of further runs before the file is rewritten."""
SHOWN = 60
"""Number of runs that the report shows."""


@dataclass(frozen=True)
class Entry:
    """One run.

    Attributes:
        at: start time in ISO format.
        board: name of the board.
        firmware: file name of the firmware; different firmware has a separate history.
        commit: abbreviated git commit, with "+" if files were changed; "" without git.
        figures: values by the figures' keys.
        versions: versions of all tools involved.
    """

    at: str
    board: str
    firmware: str
    commit: str
    figures: Mapping[str, float]
    versions: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object for the file."""
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
    """The history of one board and firmware.

    Attributes:
        entries: the runs, oldest first.
        damaged: numbers of the lines that could not be read; they stay in the file.
    """

    entries: Sequence[Entry] = ()
    damaged: Sequence[int] = ()

    def complaint(self, path: Path) -> str:
        """Return a message about the lines that could not be read, or ""."""
        if not self.damaged:
            return ""
        lines = ", ".join(str(number) for number in self.damaged[:5])
        return (
            f"The history {path} has lines that are damaged or from a newer espbench ({lines}), "
            "which are ignored: remove them, or use that espbench."
        )


@dataclass(frozen=True)
class Trend:
    """A figure's history, including the current run.

    Attributes:
        values: the values, oldest first.
        names: time and commit of each value.
    """

    values: Sequence[float]
    names: Sequence[str]

    @property
    def median(self) -> float:
        """The median of the runs before this one."""
        return statistics.median(self.values[:-1])


def commit(folder: Path | None) -> str:
    """Return the commit of a folder's tree, with "+" if its files differ; "" without git."""
    if folder is None:
        return ""
    git = ["git", "-C", str(folder)]
    name = output([*git, "rev-parse", "--short=10", "HEAD"]).strip()
    changed = output([*git, "status", "--porcelain", "--untracked-files=no"]).strip()
    return f"{name}+" if name and changed else name


def check_file(path: Path) -> None:
    """Check before a run that takes minutes that its figures can be appended to a file.

    Raises:
        ConfigError: they cannot be appended.
    """
    with _readable(path), contextlib.suppress(FileNotFoundError):
        check(path.read_text(encoding="utf-8"), path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise ConfigError(
            f"The history {path} cannot be read and written ({reason}): name another file with "
            "--history."
        ) from error


def append(path: Path, entry: Entry) -> Past:
    """Append a run to a file, and return all runs of its board and firmware.

    Runs that end simultaneously wait for each other.

    Raises:
        ConfigError: the file cannot be read or written, or is not a history.
    """
    with _readable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as file:
            text = file.read()
            check(text, path)
            # A killed run may have left an incomplete line.
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
    """Check that a text is a history, so that nothing is appended to an unrelated file.

    Raises:
        ConfigError: none of its lines is an entry.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and all(_entry(line) is None for line in lines):
        raise ConfigError(
            f"{path} is not a history of figures: name another file with --history, or remove it."
        )


def parse(text: str, board: str, firmware: str) -> Past:
    """Return the runs of a board and firmware in a text, in chronological order."""
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
    """Return the history of a figure, or None if no earlier run has it."""
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
    """Open a file for reading and appending, with an exclusive lock."""
    while True:
        file = path.open("a+", encoding="utf-8")
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The previous holder of the lock may have replaced the file.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    file.seek(0)
                    yield file
                    return


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
