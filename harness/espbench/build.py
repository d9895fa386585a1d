"""Builds a board's firmware through the board's Makefile; up to date means nothing is done."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from espbench import sources
from espbench.boards import Board
from espbench.download import disk_errors, sha256_of
from espbench.errors import BuildError, ToolMissing

STAMP = "espbench-build.json"
VARIABLES = "variables.json"
UNFINISHED = "unfinished"
LOG = "build.log"
LAST_LINES = 12
LINE = 200
"""How many of the compiler's lines an error shows, and how much of each."""

SOURCE_VARIABLES = {
    "MICROPYTHON": "micropython",
    "LWIP": "lwip",
    "MBEDTLS": "mbedtls",
    "HTTP_PARSER": "http-parser",
    "LIBGCC": "libgcc",
}
"""Which variable of the Makefile names which source's folder."""

C_LIBRARY = Path("/usr/lib/xtensa-lx106-elf/lib/libc.a")
"""Debian's picolibc for the LX106 (package picolibc-xtensa-lx106-elf)."""


@dataclass(frozen=True)
class Stamp:
    """What a build was made from, and what came out.

    Attributes:
        inputs: digest of the names, sizes and times of the firmware's own files.
        variables: what the Makefile was given.
        sha256: of the firmware.
        size, modified: of the firmware, in bytes and nanoseconds.
    """

    inputs: str
    variables: dict[str, str]
    sha256: str
    size: int
    modified: int


@dataclass(frozen=True)
class Built:
    """A firmware that is there.

    Attributes:
        firmware: an ELF with debugging information.
        sha256: its hash.
        rebuilt: whether anything was done.
    """

    firmware: Path
    sha256: str
    rebuilt: bool


def tree() -> Path:
    """Return the clone that this espbench runs from.

    Raises:
        BuildError: it was installed without the firmware's sources.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "firmware" / "boards").is_dir():
        raise BuildError(
            "This espbench was installed without the firmware's sources: build in a clone of the "
            "project, or name a firmware with --firmware."
        )
    return root


def firmware(board: Board) -> Path:
    """Return the board's firmware, built when it is not up to date.

    Raises:
        BuildError, SourceError, ToolMissing: it could not be built.
    """
    return build(board).firmware


def build(board: Board, *, root: Path | None = None, console: Console | None = None) -> Built:
    """Build a board's firmware into `build/<board>` of the tree, unless it is up to date.

    Args:
        board: which.
        root: of the tree, by default the clone that this file is in.
        console: shows progress; standard error by default.

    Raises:
        BuildError: there is no such board in the tree, or the compiler refused.
        SourceError: a third-party source could not be had.
        ToolMissing: make, the compiler or the C library is not installed.
        DiskFull: there is no room.
    """
    root = root or tree()
    makefile = root / "firmware" / "boards" / board.name / "Makefile"
    if not makefile.is_file():
        raise BuildError(
            f"Board {board.name} has no {makefile.relative_to(root)} to build it with."
        )
    out = root / "build" / board.name
    inputs = fingerprint(root)
    if (stamp := _up_to_date(out, inputs, _variables(out, sources.folders()))) is not None:
        return Built(out / "firmware.elf", stamp.sha256, rebuilt=False)
    console = console or Console(stderr=True)
    check_tools(board)
    variables = _variables(out, sources.ensure(list(SOURCE_VARIABLES.values()), console=console))
    with disk_errors(out, "the firmware"):
        out.mkdir(parents=True, exist_ok=True)
        with _locked(out):
            # Another process may have built it while we waited for the lock.
            if (stamp := _up_to_date(out, inputs, variables)) is not None:
                return Built(out / "firmware.elf", stamp.sha256, rebuilt=False)
            if not _can_go_on(out, variables):
                _remove_objects(out)
            (out / VARIABLES).write_text(json.dumps(variables, indent=1))
            with console.status(f"building the {board.name} firmware") as status:
                if not console.is_terminal:
                    console.print(f"building the {board.name} firmware")
                (out / UNFINISHED).touch()
                _make(board, makefile.parent, out, variables, status.update)
            stamp = _write_stamp(out, inputs, variables)
    return Built(out / "firmware.elf", stamp.sha256, rebuilt=True)


def fingerprint(root: Path) -> str:
    """Return a digest that changes when a file of the firmware's own sources does."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(root / "firmware"):
        folders[:] = sorted(name for name in folders if name not in ("tests", "__pycache__"))
        for name in sorted(files):
            path = Path(folder, name)
            status = path.stat()
            digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def check_tools(board: Board) -> None:
    """Check that the firmware can be compiled.

    Raises:
        ToolMissing: something is not installed.
    """
    compiler = f"{board.toolchain}gcc"
    if shutil.which("make") is None:
        raise ToolMissing("make is not installed: install it with apt-get install make.")
    if shutil.which(compiler) is None:
        raise ToolMissing(
            f"The compiler {compiler} is not installed, and the {board.name} firmware needs it: "
            "install it with apt-get install gcc-xtensa-lx106 binutils-xtensa-lx106 "
            "picolibc-xtensa-lx106-elf."
        )
    if not C_LIBRARY.exists():
        raise ToolMissing(
            f"The C library {C_LIBRARY} is not installed, and the {board.name} firmware needs it: "
            "install it with apt-get install picolibc-xtensa-lx106-elf."
        )


def _variables(out: Path, folders: Mapping[str, Path]) -> dict[str, str]:
    from mpy_cross_v6_3 import MPY_CROSS_PATH

    variables = {name: str(folders[source]) for name, source in SOURCE_VARIABLES.items()}
    return {
        "BUILD": str(out),
        **variables,
        "MPY_CROSS": str(MPY_CROSS_PATH),
        "PYTHON": sys.executable,
    }


def _up_to_date(out: Path, inputs: str, variables: Mapping[str, str]) -> Stamp | None:
    """Return the stamp of a build that has nothing left to do, or None."""
    try:
        stamp = Stamp(**json.loads((out / STAMP).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    if stamp.variables != variables or stamp.inputs != inputs:
        return None
    with contextlib.suppress(OSError):
        status = (out / "firmware.elf").stat()
        if (status.st_size, status.st_mtime_ns) == (stamp.size, stamp.modified):
            return stamp
    return None


def _write_stamp(out: Path, inputs: str, variables: Mapping[str, str]) -> Stamp:
    elf = out / "firmware.elf"
    if not elf.is_file():
        raise BuildError(f"make said that it had built {elf}, but there is no such file.")
    status = elf.stat()
    stamp = Stamp(inputs, dict(variables), sha256_of(elf), status.st_size, status.st_mtime_ns)
    half = out / f"{STAMP}.new"
    half.write_text(json.dumps(asdict(stamp), indent=1))
    half.replace(out / STAMP)
    return stamp


def _can_go_on(out: Path, variables: Mapping[str, str]) -> bool:
    """Return whether make can start from what is there.

    It would not see that a variable changed, or that the last make was killed.
    """
    try:
        same = json.loads((out / VARIABLES).read_text()) == variables
    except (OSError, ValueError):
        return False
    return same and not (out / UNFINISHED).exists()


def _remove_objects(out: Path) -> None:
    """Start afresh."""
    for path in out.iterdir():
        if path.name == "lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _make(
    board: Board,
    folder: Path,
    out: Path,
    variables: Mapping[str, str],
    progress: Callable[[str], None],
) -> None:
    command = ["make", "-C", str(folder), f"-j{os.cpu_count() or 1}", "--no-print-directory"]
    command += [f"{name}={value}" for name, value in variables.items()]
    # An outer make's flags and jobserver are none of this make's business.
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    log = out / LOG
    lines: list[str] = []
    with (
        log.open("w") as file,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**clean, "LC_ALL": "C.UTF-8"},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            for line in process.stdout:
                file.write(line)
                lines.append(line.rstrip())
                progress(f"building the {board.name} firmware: {len(lines)} steps")
        except BaseException:
            process.terminate()
            raise
    # Only now: a make that was killed may leave half an object, which looks whole to the next.
    (out / UNFINISHED).unlink()
    if process.returncode:
        raise BuildError(explain(board.name, lines, log))


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
def _locked(out: Path) -> Iterator[None]:
    """Let one process at a time build; the others wait, and find it done."""
    with (out / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
