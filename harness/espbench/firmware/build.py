# SPDX-License-Identifier: MIT
"""Builds a board's firmware; up to date means nothing is done.

What all ways of building share is here: the stamp, the lock, the log. Each way is a `Builder`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from rich.console import Console

from espbench.boards.board import Board
from espbench.errors import BuildError
from espbench.firmware import source_tree as tree
from espbench.firmware import sources
from espbench.firmware.builders import builder_of
from espbench.firmware.checks import Finding
from espbench.firmware.download import disk_errors, sha256_of

STAMP = "espbench-build.json"
VARIABLES = "variables.json"
UNFINISHED = "unfinished"
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


@dataclass(frozen=True)
class Stamp:
    """What a build was made from, and what came out.

    Attributes:
        inputs: see `fingerprint`.
        variables: paths and versions that the builder was given, except `Builder.neutral`.
        sha256: of the firmware.
        size, modified: of the firmware, in bytes and nanoseconds.
        made_with: versions of compiler and the like.
    """

    inputs: str
    variables: dict[str, str]
    sha256: str
    size: int
    modified: int
    made_with: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """A firmware that is there.

    Attributes:
        firmware: what the board boots; debugging information is in it, or in an .elf beside it.
        sha256: its hash.
        rebuilt: whether anything was done.
        made_with: versions of compiler and the like.
    """

    firmware: Path
    sha256: str
    rebuilt: bool
    made_with: Mapping[str, str] = field(default_factory=dict)


def firmware(board: Board) -> Path:
    """Return the board's firmware, built when it is not up to date.

    Raises:
        BuildError, SourceError, ToolMissing: it could not be built.
    """
    return build(board).firmware


def build(
    board: Board,
    *,
    root: Path | None = None,
    console: Console | None = None,
    board_dir: Path | None = None,
    variant: str = "",
) -> Built:
    """Build a board's firmware into `tree.builds`, unless it is up to date.

    Args:
        board: which.
        root: of the tree, by default the one that this espbench comes with.
        console: shows progress; standard error by default.
        board_dir: another board definition than the tree's, where the board can have one.
        variant: of the board definition, where it has variants.

    Raises:
        BuildError: there is no such board or variant in the tree, or the compiler refused.
        SourceError: a third-party source could not be had.
        ToolMissing: the compiler or what else it needs is not installed.
        DiskFull: there is no room.
    """
    root = root or tree.root()
    builder = builder_of(board)
    job = builder.job(board, root, board_dir, variant)
    out = job.out
    inputs = fingerprint(root, job.inputs)
    variables = builder.variables(job, sources.folders())
    tree.used(root)
    if (stamp := _up_to_date(job, builder, inputs, variables)) is not None:
        return _built(job, builder, stamp, rebuilt=False)
    console = console or Console(stderr=True)
    builder.check_tools(board)
    variables = builder.variables(job, sources.ensure(builder.sources(), console=console))
    with disk_errors(out, "the firmware"):
        out.mkdir(parents=True, exist_ok=True)
        with locked(out):
            # Another process may have built it while we waited for the lock.
            if (stamp := _up_to_date(job, builder, inputs, variables)) is not None:
                return _built(job, builder, stamp, rebuilt=False)
            given = {
                **_lasting(builder, variables),
                "FIRMWARE": str(root / "firmware"),
                COMPILER: builder.compiler(board),
            }
            if not _can_go_on(out, builder, given):
                _remove_objects(out)
            (out / VARIABLES).write_text(json.dumps(given, indent=1))
            with console.status(f"building the {board.name} firmware") as status:
                if not console.is_terminal:
                    console.print(f"building the {board.name} firmware")
                with _unfinished(out):
                    made_with = builder.compile(job, variables, status.update)
            stamp = _write_stamp(job, builder, inputs, variables, made_with)
    return _built(job, builder, stamp, rebuilt=True)


@contextlib.contextmanager
def _unfinished(out: Path) -> Iterator[None]:
    """Leave a mark unless the build ends by itself, well or badly.

    One that was killed may leave half an object, which looks whole to the next make.
    """
    mark = out / UNFINISHED
    mark.touch()
    try:
        yield
    except BuildError:
        mark.unlink()
        raise
    mark.unlink()


def _built(job: Job, builder: Builder, stamp: Stamp, *, rebuilt: bool) -> Built:
    return Built(job.out / builder.output, stamp.sha256, rebuilt, stamp.made_with)


def fingerprint(root: Path, more: Iterable[Path] = ()) -> str:
    """Return a digest that changes when a file of the firmware's own sources does.

    Args:
        root: of the tree.
        more: further folders, of which names, sizes and times count: a checkout is large.
    """
    made = hashlib.sha256(tree.digest(root).encode())
    for top in more:
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(name for name in folders if name not in ("tests", "__pycache__"))
            for name in sorted(files):
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):  # a link to nowhere
                    status = path.stat()
                    made.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return made.hexdigest()


def _up_to_date(
    job: Job, builder: Builder, inputs: str, variables: Mapping[str, str]
) -> Stamp | None:
    """Return the stamp of a build that has nothing left to do, or None."""
    try:
        stamp = Stamp(**json.loads((job.out / STAMP).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if stamp.variables != _lasting(builder, variables) or stamp.inputs != inputs:
        return None
    # Without a compiler the firmware that it left still boots.
    if builder.compiler_at_hand(job.board) not in (stamp.made_with.get(COMPILER), NOT_INSTALLED):
        return None
    with contextlib.suppress(OSError):
        status = (job.out / builder.output).stat()
        if (status.st_size, status.st_mtime_ns) == (stamp.size, stamp.modified):
            return stamp
    return None


def _lasting(builder: Builder, variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in builder.neutral}


def _write_stamp(
    job: Job,
    builder: Builder,
    inputs: str,
    variables: Mapping[str, str],
    made_with: Mapping[str, str],
) -> Stamp:
    made = job.out / builder.output
    if not made.is_file():
        raise BuildError(f"The build said that it had made {made}, but there is no such file.")
    status = made.stat()
    stamp = Stamp(
        inputs,
        _lasting(builder, variables),
        sha256_of(made),
        status.st_size,
        status.st_mtime_ns,
        dict(made_with),
    )
    half = job.out / f"{STAMP}.new"
    half.write_text(json.dumps(asdict(stamp), indent=1))
    half.replace(job.out / STAMP)
    return stamp


def _can_go_on(out: Path, builder: Builder, variables: Mapping[str, str]) -> bool:
    """Return whether the builder can start from what is there.

    It would not see that a variable or the compiler changed, or (make) that the last one was
    killed; and objects name the headers that they were made from by their paths.
    """
    try:
        same = json.loads((out / VARIABLES).read_text()) == variables
    except (OSError, ValueError):
        return False
    return same and (builder.survives_a_kill or not (out / UNFINISHED).exists())


def _remove_objects(out: Path) -> None:
    """Start afresh."""
    for path in out.iterdir():
        if path.name == "lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


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


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Let one process at a time build in this folder; the others wait, and find it done."""
    with (out / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
