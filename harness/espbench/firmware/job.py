# SPDX-License-Identifier: MIT
"""`Job`, one firmware to build; `Builder`, the interface of all builders; and `run_logged`."""

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
from espbench.util.build_errors import first_error

__all__ = ["COMPILER", "LOG", "NOT_INSTALLED", "Builder", "Job", "explain", "run_logged"]

LOG = "build.log"
COMPILER = "compiler"
"""The key of the compiler's version in `Built.made_with`."""
NOT_INSTALLED = "not installed"
"""Stands for the version of a compiler that is not installed."""
LAST_LINES = 12
"""Lines of the build's output that an error shows."""
LINE = 200
"""Characters of each line that an error shows."""


@dataclass(frozen=True)
class Job:
    """One firmware to build.

    Attributes:
        board: the board to build for.
        root: root of the source tree.
        folder: the board's definition.
        out: the output folder.
        inputs: folders outside the tree with further source files.
        variant: variant of the board definition; "" for none.
    """

    board: Board
    root: Path
    folder: Path
    out: Path
    inputs: tuple[Path, ...] = ()
    variant: str = ""


class Builder(Protocol):
    """Builds firmware with one build system."""

    output: str
    """The firmware's name below `Job.out`."""
    survives_a_kill: bool
    """Whether it can continue a build that was killed."""
    neutral: frozenset[str]
    """Variables that do not change the firmware: paths in this Python environment, and whether a
    warning stops the build."""

    def job(self, board: Board, root: Path, board_dir: Path | None, variant: str = "") -> Job:
        """Return the job of building a board.

        Raises:
            BuildError: the board definition does not exist or has no such variant.
        """

    def sources(self) -> list[str]:
        """Return the names of the pinned sources that it needs."""

    def variables(self, job: Job, folders: Mapping[str, Path]) -> dict[str, str]:
        """Return the paths and versions that it depends on, whether they exist or not."""

    def check_tools(self, board: Board) -> None:
        """Check that the firmware can be compiled.

        Raises:
            ToolMissing: a tool is not installed, or has an unsupported version.
        """

    def compile(
        self, job: Job, variables: Mapping[str, str], progress: Callable[[str], None]
    ) -> dict[str, str]:
        """Build the firmware; return the versions of the tools used.

        Raises:
            BuildError: the build failed.
        """

    def compiler(self, board: Board) -> str:
        """Return the compiler's version, or `NOT_INSTALLED`."""

    def compiler_at_hand(self, board: Board) -> str:
        """Return the same, or `NOT_INSTALLED` if finding it would need the tools' set-up."""

    def findings(self, board: Board) -> list[Finding]:
        """Check its requirements, without raising if one is missing."""


def run_logged(
    job: Job,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    progress: Callable[[str], None],
    folder: Path | None = None,
    log_name: str = LOG,
) -> None:
    """Run a build command, and write its output to the log.

    Args:
        job: the job to build.
        command: the build command.
        environment: the command's environment.
        progress: called with a status line.
        folder: working folder of the command.
        log_name: name of the log below `Job.out`.

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
                counted = re.match(r"\[(\d+/\d+)\]", line)  # ninja prints its progress
                progress(f"{title}: {counted[1] if counted else len(lines)} steps")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise BuildError(explain(job.board.name, lines, log))


def explain(board: str, lines: Sequence[str], log: Path) -> str:
    """Return the error message for a failed build with this output, errors first."""
    text = "\n".join(lines)
    if "No space left on device" in text:
        return (
            f"The {board} firmware could not be built because the disk with {log.parent} is full: "
            "free some space, then build again."
        )
    first = first_error(lines)
    cause = f": {first}" if first else ""
    shown = "\n".join(f"  {_cut(line)}" for line in lines[-LAST_LINES:])
    return (
        f"The {board} firmware could not be built{cause}\n"
        f"The last lines (the full log is {log}):\n{shown}"
    )


def _cut(line: str) -> str:
    return line if len(line) <= LINE else f"{line[:LINE]} …"
