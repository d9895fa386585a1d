"""Says what is there, what is missing, and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from espbench import sources
from espbench.boards import Board
from espbench.build import C_LIBRARY, tree
from espbench.download import megabytes
from espbench.errors import EspbenchError
from espbench.find_qemu import machines_of
from espbench.qemu import check_version, dotted, find_qemu, qemu_version

State = Literal["ok", "missing", "later"]
"""`later` is not there yet, and comes by itself."""

APT = "apt-get install "
SPACE = 500_000_000
"""Bytes that sources and build take, with room to spare."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        board: for which board it is needed, or "all".
        subject: what was looked for.
        state: whether it is there.
        found: what was found.
        remedy: what to do when it is missing, else "".
    """

    board: str
    subject: str
    state: State
    found: str
    remedy: str = ""


def examine(boards: Sequence[Board]) -> list[Finding]:
    """Look at everything that these boards need; never raises for what is missing."""
    findings = [_python(), _packages(), *_programs(), _cache(), _space()]
    for board in boards:
        findings += _board(board)
    return findings


def healthy(findings: Iterable[Finding]) -> bool:
    """Return whether nothing is missing."""
    return all(finding.state != "missing" for finding in findings)


def _python() -> Finding:
    return Finding("all", "Python", "ok", f"{platform.python_version()} ({sys.executable})")


def _packages() -> Finding:
    """Check what the package itself says that it needs, without an import of everything."""
    try:
        required = importlib.metadata.requires("espbench") or []
    except importlib.metadata.PackageNotFoundError:
        return Finding("all", "Python packages", "missing", "not installed", "run make setup")
    names = [match[0] for text in required if (match := re.match(r"[A-Za-z0-9._-]+", text))]
    absent = [name for name in names if not _installed(name)]
    if absent:
        return Finding(
            "all", "Python packages", "missing", f"no {', '.join(absent)}", "run make setup"
        )
    return Finding("all", "Python packages", "ok", f"all {len(names)} installed")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _programs() -> list[Finding]:
    wanted = (
        ("setpriv", "util-linux", "ends QEMU with its test, whatever happens"),
        ("make", "make", "builds the firmware"),
    )
    return [_program("all", *entry) for entry in wanted]


def _program(board: str, program: str, package: str, purpose: str) -> Finding:
    path = shutil.which(program)
    if path is None:
        return Finding(
            board, program, "missing", f"not installed; {purpose}", f"apt-get install {package}"
        )
    return Finding(board, program, "ok", path)


def _cache() -> Finding:
    cache = sources.cache_folder()
    pins = sources.pinned().sources.values()
    there = sum(sources.present(source, cache) for source in pins)
    if there == len(pins):
        return Finding("all", "sources", "ok", f"all {there} in {cache}")
    size = sum(s.wanted.size for s in pins if not sources.present(s, cache))
    return Finding(
        "all",
        "sources",
        "later",
        f"{there} of {len(pins)} in {cache}; {megabytes(size)} are fetched by the next build",
    )


def _space() -> Finding:
    folder = sources.cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{megabytes(free)} free in {folder}"
    if free >= SPACE:
        return Finding("all", "disk", "ok", text)
    return Finding(
        "all",
        "disk",
        "missing",
        f"{text}, {megabytes(SPACE)} are wanted",
        "free some space, or point ESPBENCH_CACHE at another disk",
    )


def _board(board: Board) -> list[Finding]:
    findings = [*_qemu(board)]
    install = "apt-get install gcc-xtensa-lx106 binutils-xtensa-lx106"
    for tool in ("gcc", "ld"):
        name = f"{board.toolchain}{tool}"
        path = shutil.which(name)
        findings.append(
            Finding(board.name, name, "ok", f"{_first_line([path, '--version'])}")
            if path
            else Finding(board.name, name, "missing", "not installed", install)
        )
    findings.append(
        Finding(board.name, "C library", "ok", str(C_LIBRARY))
        if C_LIBRARY.exists()
        else Finding(
            board.name,
            "C library",
            "missing",
            f"no {C_LIBRARY}",
            "apt-get install picolibc-xtensa-lx106-elf",
        )
    )
    findings.append(_firmware(board))
    return findings


def _qemu(board: Board) -> list[Finding]:
    remedy = board.qemu_package
    try:
        program = find_qemu(board)
        version = qemu_version(program)
        check_version(board, program, version)
    except EspbenchError as error:
        return [Finding(board.name, board.qemu, "missing", str(error), remedy)]
    found = [Finding(board.name, board.qemu, "ok", f"{dotted(version)} ({program})")]
    if board.machine in machines_of(program):
        found.append(Finding(board.name, f"machine {board.machine}", "ok", "known to this QEMU"))
    else:
        found.append(
            Finding(
                board.name, f"machine {board.machine}", "missing", "unknown to this QEMU", remedy
            )
        )
    return found


def _firmware(board: Board) -> Finding:
    try:
        elf = tree() / "build" / board.name / "firmware.elf"
    except EspbenchError as error:
        return Finding(board.name, "firmware", "later", str(error))
    if elf.exists():
        return Finding(board.name, "firmware", "ok", str(elf))
    return Finding(board.name, "firmware", "later", f"built by espbench build --board {board.name}")


def _output(command: Sequence[str]) -> str:
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=20,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout


def _first_line(command: Sequence[str]) -> str:
    return next(iter(_output(command).splitlines()), "it does not say its version")


def as_json(findings: Iterable[Finding]) -> dict[str, object]:
    """Return the findings for programs."""
    findings = list(findings)
    return {"healthy": healthy(findings), "findings": [asdict(finding) for finding in findings]}


def remedies(findings: Iterable[Finding]) -> list[str]:
    """Return what to do, with all Debian packages in one line."""
    packages: list[str] = []
    others: list[str] = []
    for finding in findings:
        if finding.state != "missing" or not finding.remedy:
            continue
        if finding.remedy.startswith(APT):
            packages += finding.remedy.removeprefix(APT).split()
        else:
            others.append(finding.remedy)
    line = [APT + " ".join(dict.fromkeys(packages))] if packages else []
    return [*line, *dict.fromkeys(others)]


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings as a table, then what to do."""
    signs = {
        "ok": Text("ok", "green"),
        "missing": Text("missing", "bold red"),
        "later": Text("later", "yellow"),
    }
    table = Table(box=None, pad_edge=False)
    for heading in ("board", "what", "", "found"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        table.add_row(finding.board, finding.subject, signs[finding.state], Text(finding.found))
    console.print(table)
    steps = remedies(findings)
    if steps:
        console.print("\nTo get what is missing:")
        for remedy in steps:
            console.print(f"  {remedy}", highlight=False, soft_wrap=True)
    else:
        console.print("\nNothing is missing.")


def compiler_version(board: Board) -> str:
    """Return the first line of the compiler's `--version`, or that it is not there."""
    path = shutil.which(f"{board.toolchain}gcc")
    return _first_line([path, "--version"]) if path else "not installed"


def firmware_folder(root: Path, board: Board) -> Path:
    """Return where a board's firmware is built."""
    return root / "build" / board.name
