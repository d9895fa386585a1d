# SPDX-License-Identifier: MIT
"""Finds the QEMU that supports a board's machine, among programs of the same name.

Espressif's fork has the same name as the stock program. It is on PATH after ESP-IDF's export.sh,
and always in the folder of ESP-IDF's tools.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from espbench.errors import QemuCannotStart, QemuNotFound
from espbench.qemu.start_failure import cannot_start
from espbench.util.idf_tools import container_shell, find_idf, tools_folders, version_key
from espbench.util.programs import captured
from espbench.util.timeouts import Deadline

if TYPE_CHECKING:
    from espbench.boards.board import Board

FORK_MACHINES = frozenset({"esp32", "esp32c3", "esp32s3"})
"""Machines that Espressif's QEMU has but stock QEMU doesn't."""


def candidates(board: Board, environment: Mapping[str, str]) -> list[str]:
    """Return the programs with the board's QEMU's name, in the order in which to try them."""
    found = [
        shutil.which(board.qemu, path=folder)
        for folder in environment.get("PATH", os.defpath).split(os.pathsep)
        if folder
    ]
    if board.espressif is not None:
        for tools in tools_folders(environment):
            versions = list((tools / "tools" / board.espressif.name).glob("*/qemu/bin"))
            versions.sort(key=lambda path: version_key(path.parents[1].name), reverse=True)
            found += [shutil.which(board.qemu, path=str(folder)) for folder in versions]
    # /bin often is /usr/bin: without this, the same program would be run twice.
    different: dict[Path, str] = {}
    for program in found:
        if program is not None:
            different.setdefault(Path(program).resolve(), program)
    return list(different.values())


def find_qemu(board: Board) -> str:
    """Return the path of the first QEMU that has the board's machine.

    Espressif's QEMU also has the stock machines, and is first on PATH after ESP-IDF's export.sh. A
    board for stock QEMU uses it only when there is no other, so that results are comparable between
    hosts. A single QEMU for such a board is not queried: that would cost about 30 ms at every boot.

    Raises:
        QemuNotFound: no QEMU has the machine.
        QemuCannotStart: one may have it, but cannot start.
    """
    found = candidates(board, os.environ)
    if len(found) == 1 and board.espressif is None:
        return found[0]
    if board.espressif is None:
        found.sort(key=lambda program: not machines_of(program).isdisjoint(FORK_MACHINES))
    for program in found:
        known = machines_of(program)
        # Use a stock QEMU that lists no machines: its failure will be more informative.
        if board.machine in known or (not known and board.espressif is None):
            return program
    if board.espressif is not None:
        for program in found:
            if failure := _answer_of(program).failure:
                raise QemuCannotStart(*cannot_start(program, failure, install(board)))
        raise QemuNotFound(_no_fork(board, found))
    if found:
        raise QemuNotFound(
            f"No installed {board.qemu} ({', '.join(found)}) has the machine {board.machine} of "
            f"board {board.name}: install one with {board.qemu_package}."
        )
    raise QemuNotFound(
        f"Board {board.name} needs {board.qemu}, which is not installed: "
        f"install it with {board.qemu_package}."
    )


def installer(board: Board, environment: Mapping[str, str]) -> Path | None:
    """Return the installed ESP-IDF if it installs a QEMU that is new enough for the board."""
    idf = find_idf(environment)
    if idf is None or board.espressif is None:
        return None
    offered = _offered(idf, board.espressif.name)
    return idf if not offered or offered >= board.qemu_least else None


def _offered(idf: Path, tool: str) -> tuple[int, ...]:
    """Return the version of a tool that ESP-IDF's `tools.json` recommends; () if it has none."""
    try:
        tools = json.loads((idf / "tools" / "tools.json").read_text())["tools"]
        (versions,) = (each["versions"] for each in tools if each["name"] == tool)
        (name,) = (each["name"] for each in versions if each["status"] == "recommended")
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(version_key(name)[:3])


def install(board: Board) -> str:
    """Return a command that installs the board's QEMU on this machine, ready to paste.

    With ESP-IDF, that is ESP-IDF's own.
    """
    idf = installer(board, os.environ)
    if board.espressif is None or idf is None:
        return board.qemu_package
    return board.espressif.install(idf)


def _no_fork(board: Board, found: list[str]) -> str:
    have = "has" if len(found) == 1 else "have"
    others = f" ({', '.join(found)} {have} no such machine)" if found else ""
    return (
        f"Board {board.name} needs Espressif's {board.qemu} with the machine {board.machine}, "
        f"which is not on PATH or among ESP-IDF's tools{others}: install it with "
        f"`{install(board)}`, or work in Espressif's container image with `{container_shell()}`."
    )


def machines(text: str) -> frozenset[str]:
    """Return the machine names in the output of `qemu -M help`."""
    return frozenset(line.split()[0] for line in text.splitlines()[1:] if line.strip())


def machines_of(program: str) -> frozenset[str]:
    """Return the machines of a QEMU; none if it does not list them."""
    return _answer_of(program).machines


@dataclass(frozen=True)
class _Answer:
    """What a QEMU said about its machines; `failure` says why it could not, else it is empty."""

    machines: frozenset[str] = frozenset()
    failure: str = ""


def _answer_of(program: str) -> _Answer:
    try:
        modified = Path(program).stat().st_mtime_ns
    except OSError as error:
        return _Answer(failure=str(error))
    return _asked(program, modified)


@functools.cache
def _asked(program: str, _modified: int) -> _Answer:
    # Don't query `-nic model=help`: it does not return on Espressif's machines.
    try:
        result = captured([program, "-M", "help"], Deadline(20).seconds)
    except (OSError, subprocess.SubprocessError) as error:
        return _Answer(failure=str(error))
    if result.returncode:
        status = f"it ends with exit status {result.returncode}"
        return _Answer(failure=result.stderr.strip() or status)
    return _Answer(machines(result.stdout))
