# SPDX-License-Identifier: MIT
"""What a builder builds, `Job`, and what all builders have in common: `Builder`, `run_logged`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from espbench.boards.board import Board
from espbench.errors import BuildError
from espbench.firmware.checks import Finding

__all__ = ["COMPILER", "LOG", "NOT_INSTALLED", "Builder", "Job", "explain", "run_logged"]

LOG = "build.log"
COMPILER = "compiler"
"""The key of the compiler's version in what a firmware was made with."""
NOT_INSTALLED = "not installed"
"""What stands for the version of a compiler that is not there."""
LAST_LINES = 12
LINE = 200
"""How many of the compiler's lines an error shows, and how much of each."""


@dataclass(frozen=True)
class Job:
    """One firmware to build.

    Attributes:
        board: which board's.
        root: the tree.
        folder: the board's definition.
        out: where it goes.
        inputs: folders outside of the tree whose files it is made from.
        variant: of the board definition; "" for none.
    """

    board: Board
    root: Path
    folder: Path
    out: Path
    inputs: tuple[Path, ...] = ()
    variant: str = ""


class Builder(Protocol):
    """A way to build firmware."""

    output: str
    """The firmware's name below `Job.out`."""
    survives_a_kill: bool
    """Whether it can go on from what a killed build left."""
    neutral: frozenset[str]
    """Variables that do not change the firmware: where something of this Python environment is,
    and whether a warning stops the build."""

    def job(self, board: Board, root: Path, board_dir: Path | None, variant: str = "") -> Job:
        """Return what is to be built.

        Raises:
            BuildError: there is no such board definition, or it has no such variant.
        """

    def sources(self) -> list[str]:
        """Return the names of the pinned sources that it needs."""

    def variables(self, job: Job, folders: Mapping[str, Path]) -> dict[str, str]:
        """Return paths and versions that it depends on, whether they are there or not."""

    def check_tools(self, board: Board) -> None:
        """Check that the firmware can be compiled.

        Raises:
            ToolMissing: something is not installed, or has a version that does not do.
        """

    def compile(
        self, job: Job, variables: Mapping[str, str], progress: Callable[[str], None]
    ) -> dict[str, str]:
        """Compile; return the versions of what it was made with.

        Raises:
            BuildError: the compiler refused.
        """

    def compiler(self, board: Board) -> str:
        """Return the compiler's version, or `NOT_INSTALLED`."""

    def compiler_at_hand(self, board: Board) -> str:
        """Return the same, or `NOT_INSTALLED` where only a set-up of tools would tell."""

    def findings(self, board: Board) -> list[Finding]:
        """Look at what it needs; never raises for what is missing."""


def run_logged(
    job: Job,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    progress: Callable[[str], None],
    folder: Path | None = None,
    log_name: str = LOG,
) -> None:
    """Run a build, with all of its output in the log.

    Args:
        job: what is built.
        command: what builds it.
        environment: its variables.
        progress: shows how far it is.
        folder: where it runs.
        log_name: of the log, below `Job.out`.

    Raises:
        BuildError: it failed; the message has the first error and the last lines.
    """
    log = job.out / log_name
    title = f"building the {job.board.name} firmware"
    lines: list[str] = []
    with (
        log.open("w") as file,
        subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**environment, "LC_ALL": "C.UTF-8"},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                file.write(line)
                lines.append(line.rstrip())
                counted = re.match(r"\[(\d+/\d+)\]", line)  # ninja counts by itself
                progress(f"{title}: {counted[1] if counted else len(lines)} steps")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise BuildError(explain(job.board.name, lines, log))


def explain(board: str, lines: Sequence[str], log: Path) -> str:
    """Return the sentence for a build that failed with this output, errors first."""
    text = "\n".join(lines)
    if "No space left on device" in text:
        return (
            f"The {board} firmware could not be built because the disk with {log.parent} is full: "
            "free some space, then build again."
        )
    wrong = [line for line in lines if re.search(r"\berror\b|undefined reference|\*\*\*", line)]
    first = next((line for line in wrong if "***" not in line), wrong[0] if wrong else "")
    cause = f": {first.strip()}" if first else ""
    shown = "\n".join(f"  {_cut(line)}" for line in lines[-LAST_LINES:])
    return (
        f"The {board} firmware could not be built{cause}\n"
        f"The last lines (all of them are in {log}):\n{shown}"
    )


def _cut(line: str) -> str:
    return line if len(line) <= LINE else f"{line[:LINE]} …"
