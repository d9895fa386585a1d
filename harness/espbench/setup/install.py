# SPDX-License-Identifier: MIT
"""`install`: carries out a plan step by step; a step that is finished is not repeated."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console

from espbench.errors import DiskFull, QemuCannotStart, QemuError, SetupError, is_disk_full
from espbench.firmware.download import megabytes
from espbench.qemu.discovery import find_qemu
from espbench.qemu.process import check_version, qemu_version
from espbench.setup.child import Child
from espbench.setup.clone import clone
from espbench.setup.failure import disk_full, failure
from espbench.setup.plan import Plan
from espbench.setup.requirements import check_requirements

__all__ = ["install", "space_for"]

CLONE_SPACE, BUILD_SPACE, QEMU_SPACE = 2_000_000_000, 2_000_000_000, 300_000_000
"""Bytes that each step needs on the disk, generously; a clone of `tools` alone needs few."""
LOG = "setup.log"


def space_for(plan: Plan) -> int:
    """Return how many bytes the steps of a plan need on the disk, about."""
    clone = CLONE_SPACE if plan.clones and not plan.qemu_only else 0
    return clone + plan.builds * BUILD_SPACE + plan.emulates * QEMU_SPACE


def install(plan: Plan, console: Console) -> None:
    """Carry out the steps of a plan, then check that the tools work.

    Raises:
        SetupError: a step failed, or packages of the system are missing.
        DiskFull: the disk is full.
        QemuCannotStart: QEMU is installed, but lacks a shared library.
    """
    check_requirements(plan)
    log = plan.folder / LOG
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        _check_space(plan)
        with _locked(plan.folder, console) as lock, log.open("w") as file:
            _steps(plan, file, lock, console)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(plan, plan.folder) from error
        raise
    _check(plan, log)


def _check_space(plan: Plan) -> None:
    need, free = space_for(plan), shutil.disk_usage(plan.folder).free
    if free < need:
        raise DiskFull(
            f"Espressif's tools need about {megabytes(need)} in {plan.folder}, but only "
            f"{megabytes(free)} are free there: free some space, or set IDF_TOOLS_PATH to a folder "
            f"on another disk, then run `{plan.command}` again."
        )


@contextlib.contextmanager
def _locked(folder: Path, console: Console) -> Iterator[int]:
    """Let one process at a time install; its installers keep the lock until they end."""
    with (folder / "lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"waiting for another installation in {folder}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def _steps(plan: Plan, log: TextIO, lock: int, console: Console) -> None:
    numbered = iter(plan.steps)

    @contextlib.contextmanager
    def step() -> Iterator[Child]:
        title = next(numbered)
        console.print(title, soft_wrap=True, markup=False, highlight=False)
        with console.status("starting", spinner="dots") as status:
            yield Child(
                plan.environment, log, lock, lambda line: status.update(_shown(line, console))
            )

    if plan.clones:
        with step() as child:
            _clone(plan, child)
    if plan.builds:
        with step() as child:
            _run(plan, child, "install.sh", ["bash", f"{plan.idf}/install.sh", plan.target])
            if plan.ours:
                plan.finished.touch()
    if plan.emulates:
        with step() as child:
            tools = str(plan.idf / "tools" / "idf_tools.py")
            _run(plan, child, "idf_tools.py", [sys.executable, tools, "install", plan.tool])


def _shown(line: str, console: Console) -> str:
    from rich.markup import escape

    return escape(line[: max(20, console.width - 4)])


def _clone(plan: Plan, child: Child) -> None:
    """Clone ESP-IDF; the folder gets its name when it is complete."""
    part = plan.idf.with_name(f"{plan.idf.name}.part")

    def git(*arguments: str) -> None:
        _run(plan, child, "git", ["git", *arguments], part)

    clone(part, git, plan.url, tools_only=plan.qemu_only)
    part.rename(plan.idf)


def _run(
    plan: Plan, child: Child, what: str, command: Sequence[str], folder: Path | None = None
) -> None:
    ended = child.run(command, folder)
    if ended.status:
        raise failure(plan, what, ended.status, ended.lines, Path(child.log.name))


def _check(plan: Plan, log: Path) -> None:
    """Check that the board's QEMU starts."""
    try:
        program = find_qemu(plan.board)
        check_version(plan.board, program, qemu_version(program))
    except QemuCannotStart as error:
        raise QemuCannotStart(f"{error} Then run `{plan.command}` again.", error.remedy) from error
    except QemuError as error:
        raise SetupError(
            f"idf_tools.py succeeded, but {plan.board.qemu} with the machine {plan.board.machine} "
            f"was not found afterwards: read its output in {log}."
        ) from error
