# SPDX-License-Identifier: MIT
"""`build`: builds a board's firmware unless it is up to date, with a stamp and a lock.

This is the part that all builders share; the `Builder` classes run the build systems.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console

from espbench.boards.backends import IdfBackend
from espbench.boards.board import Board
from espbench.errors import BuildError
from espbench.firmware import source_tree as tree
from espbench.firmware import sources
from espbench.firmware.download import disk_errors, sha256_of
from espbench.firmware.job import COMPILER, NOT_INSTALLED, Builder, Job

STAMP = "espbench-build.json"
VARIABLES = "variables.json"
UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Stamp:
    """The inputs of a build and its result.

    Attributes:
        inputs: see `fingerprint`.
        variables: paths and versions that the builder was given, except `Builder.neutral`.
        sha256: hash of the firmware.
        size, modified: size of the firmware in bytes, and its modification time in nanoseconds.
        made_with: versions of the compiler and other tools.
    """

    inputs: str
    variables: dict[str, str]
    sha256: str
    size: int
    modified: int
    made_with: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """A firmware that has been built.

    Attributes:
        firmware: the file that boots; it, or an .elf beside it, has debugging information.
        sha256: its hash.
        rebuilt: whether this call built it.
        made_with: versions of the compiler and other tools.
    """

    firmware: Path
    sha256: str
    rebuilt: bool
    made_with: Mapping[str, str] = field(default_factory=dict)


def builder_of(board: Board) -> Builder:
    """Return the builder of a board's firmware."""
    # Imported here because a board needs only one of them.
    if isinstance(board.backend, IdfBackend):
        from espbench.firmware.idf_backend import IdfBuilder

        return IdfBuilder(board.backend)
    from espbench.firmware.make_backend import MakeBuilder

    return MakeBuilder()


def firmware(board: Board) -> Path:
    """Return the board's firmware, building it if it is not up to date.

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
        board: the board to build for.
        root: root of the source tree, by default the one that this espbench comes with.
        console: shows progress; standard error by default.
        board_dir: a board definition to use instead of the tree's, for boards that can have one.
        variant: variant of the board definition, if it has variants.

    Raises:
        BuildError: the board has no firmware of its own, the tree has no such board or variant, or
            compilation failed.
        SourceError: a third-party source could not be fetched.
        ToolMissing: the compiler or another tool is not installed.
        DiskFull: the disk is full.
    """
    if not board.own_firmware:
        raise BuildError(
            f"espbench has no firmware of its own for board {board.name}: name an image of yours."
        )
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
    """Leave a marker unless the build ends by itself, whether it succeeds or fails.

    A build that was killed may leave a truncated object, which the next make takes for complete.
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
        root: root of the source tree.
        more: further folders, compared by names, sizes and times because a checkout is large.
    """
    made = hashlib.sha256(tree.digest(root).encode())
    for top in more:
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(name for name in folders if name not in ("tests", "__pycache__"))
            for name in sorted(files):
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):  # a dangling link
                    status = path.stat()
                    made.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return made.hexdigest()


def _up_to_date(
    job: Job, builder: Builder, inputs: str, variables: Mapping[str, str]
) -> Stamp | None:
    """Return the stamp if the build is up to date, else None."""
    try:
        stamp = Stamp(**json.loads((job.out / STAMP).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if stamp.variables != _lasting(builder, variables) or stamp.inputs != inputs:
        return None
    # If the compiler has been uninstalled, the firmware that it built still boots.
    if builder.compiler_at_hand(job.board) not in (stamp.made_with.get(COMPILER), NOT_INSTALLED):
        return None
    with contextlib.suppress(OSError):
        made = job.out / builder.output
        status = made.stat()
        # Layers of container images and CI caches are archives that keep whole seconds only.
        if status.st_size == stamp.size and (
            status.st_mtime_ns == stamp.modified or sha256_of(made) == stamp.sha256
        ):
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
        raise BuildError(f"The build succeeded without creating {made}: check its build rules.")
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
    """Return whether the builder can reuse the existing objects.

    It would not notice that a variable or the compiler changed, or (make) that the last build was
    killed; and the objects' dependencies name headers by path.
    """
    try:
        same = json.loads((out / VARIABLES).read_text()) == variables
    except (OSError, ValueError):
        return False
    return same and (builder.survives_a_kill or not (out / UNFINISHED).exists())


def _remove_objects(out: Path) -> None:
    """Remove everything but the lock, so that the next build starts from scratch."""
    for path in out.iterdir():
        if path.name == "lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Let one process at a time build in this folder; the others wait and reuse its result."""
    with (out / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
