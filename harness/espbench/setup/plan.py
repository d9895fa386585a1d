# SPDX-License-Identifier: MIT
"""`Plan`: which of Espressif's tools a board lacks, and where they will be installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from espbench.boards.backends import IdfBackend
from espbench.boards.board import Board
from espbench.errors import QemuCannotStart, QemuError, SetupError, ToolMissing
from espbench.firmware.idf_env import activated, check_idf
from espbench.firmware.make_paths import is_plain
from espbench.qemu.discovery import find_qemu, installer
from espbench.qemu.process import check_version, qemu_version
from espbench.util.idf_tools import (
    CLONE,
    IDF_TAG,
    TOOLS_VARIABLE,
    find_idf,
    own_folder,
    own_folders,
)
from espbench.util.system_packages import APT

__all__ = ["IDF_URL", "URL_VARIABLE", "Plan", "again", "plan", "sufficient_qemu"]

URL_VARIABLE = "ESPBENCH_IDF_URL"
IDF_URL = "https://github.com/espressif/esp-idf.git"
TOOLS_ONLY = f"esp-idf-tools-{IDF_TAG}"
"""The clone that has ESP-IDF's folder `tools` alone, which is enough to install QEMU."""


@dataclass(frozen=True)
class Plan:
    """What to install for a board, and where.

    Attributes:
        board: the board.
        target: ESP-IDF's name for its chip.
        tool: ESP-IDF's name for its QEMU.
        qemu_only: whether ESP-IDF's compiler is not wanted.
        folder: espbench's folder for Espressif's tools, also for the log.
        idf: ESP-IDF, or its folder `tools` alone.
        url: where to clone it from.
        clones, builds, emulates: whether to clone ESP-IDF, to install its compiler and Python
            packages, and to install QEMU.
        environment: variables for the installers.
    """

    board: Board
    target: str
    tool: str
    qemu_only: bool
    folder: Path
    idf: Path
    url: str
    clones: bool
    builds: bool
    emulates: bool
    environment: Mapping[str, str]

    @property
    def ours(self) -> bool:
        """Whether ESP-IDF is a clone that `espbench setup` made or will make."""
        return self.idf.parent == self.folder

    @property
    def finished(self) -> Path:
        """A file that says that the installer of our clone succeeded for this chip."""
        return self.idf.with_name(f"{self.idf.name}-{self.target}.installed")

    @property
    def steps(self) -> list[str]:
        """What will be done, one sentence per step."""
        part = "the folder tools of " if self.qemu_only else ""
        steps = []
        if self.clones:
            steps.append(f"clone {part}ESP-IDF {IDF_TAG} from {self.url} into {self.idf}")
        if self.builds:
            steps.append(f"run {self.idf}/install.sh {self.target} (compiler, Python packages)")
        if self.emulates:
            steps.append(f"run {self.idf}/tools/idf_tools.py install {self.tool}")
        return steps

    @property
    def command(self) -> str:
        """The command line that makes this plan."""
        return again(self.board, qemu_only=self.qemu_only)


def again(board: Board, *, qemu_only: bool) -> str:
    """Return the command that installs the tools for a board, or continues to do so."""
    return f"espbench setup --board {board.name}{' --qemu-only' if qemu_only else ''}"


def plan(board: Board, environment: Mapping[str, str], *, qemu_only: bool) -> Plan:
    """Return what a board lacks; the plan has no steps if it lacks nothing.

    Raises:
        SetupError: the board needs none of Espressif's tools, or IDF_PATH or the folder for the
            tools cannot be used.
    """
    if board.espressif is None or not isinstance(board.backend, IdfBackend):
        raise SetupError(
            f"Board {board.name} needs none of Espressif's tools: `espbench doctor --board "
            f"{board.name}` says what it needs."
        )
    folder = own_folder(environment)
    idf = _installed(board, environment, qemu_only=qemu_only)
    clones = idf is None
    if idf is None:
        idf = folder / (TOOLS_ONLY if qemu_only else CLONE)
        clones = not (idf / "tools" / "idf_tools.py").is_file()
    if not qemu_only and not is_plain(idf):
        raise SetupError(
            f"ESP-IDF cannot be used in {idf}, which contains spaces or special characters: set "
            f"{TOOLS_VARIABLE} to a folder whose path has ASCII letters, digits and ./+,@_- only."
        )
    made = Plan(
        board=board,
        target=board.backend.target,
        tool=board.espressif.name,
        qemu_only=qemu_only,
        folder=folder,
        idf=idf,
        url=environment.get(URL_VARIABLE, "").strip() or IDF_URL,
        clones=clones,
        builds=False,
        emulates=not sufficient_qemu(board),
        environment=_for_installers(environment, idf, folder),
    )
    if qemu_only:
        # Without a QEMU to install, its installer is not needed either.
        return replace(made, clones=clones and made.emulates)
    return replace(made, builds=clones or not _can_build(made, environment))


def _installed(board: Board, environment: Mapping[str, str], *, qemu_only: bool) -> Path | None:
    """Return the ESP-IDF that is installed and suits, or None to clone one."""
    named = environment.get("IDF_PATH", "").strip()
    idf = find_idf(environment)
    if named and idf is None:
        raise SetupError(
            f"IDF_PATH is {named}, where there is no ESP-IDF: unset it to install ESP-IDF, or "
            "point it at one."
        )
    if idf is None or qemu_only:
        return installer(board, environment)
    try:
        idf = check_idf(board.name, environment)
    except ToolMissing as error:
        if named:
            raise SetupError(f"{error} Or unset IDF_PATH to install {IDF_TAG}.") from error
        return None
    if sufficient_qemu(board) or installer(board, environment) == idf:
        return idf
    if named:
        raise SetupError(
            f"The QEMU of the ESP-IDF in {idf} is too old for board {board.name}: run "
            f"`{again(board, qemu_only=True)}` first, which installs another beside it."
        )
    return None


def _for_installers(environment: Mapping[str, str], idf: Path, folder: Path) -> dict[str, str]:
    """Return the variables for Espressif's installers.

    They refuse to make a virtual environment from within another, such as espbench's.
    """
    made = {**environment, "IDF_PATH": str(idf)}
    made.update(GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8", PYTHONUNBUFFERED="1")
    if idf.parent in own_folders(environment):
        made.setdefault(TOOLS_VARIABLE, str(folder))
    virtual = made.pop("VIRTUAL_ENV", "")
    made.pop("PYTHONHOME", None)
    if virtual:
        paths = made.get("PATH", os.defpath).split(os.pathsep)
        kept = [path for path in paths if Path(path) != Path(virtual, "bin")]
        made["PATH"] = os.pathsep.join(kept)
    return made


def _can_build(made: Plan, environment: Mapping[str, str]) -> bool:
    """Return whether ESP-IDF's compiler and Python packages are installed."""
    if made.ours and not made.finished.exists():
        return False  # an installer that was interrupted leaves a Python without its packages
    try:
        activated(made.idf, made.board.toolchain, environment)
    except ToolMissing:
        return False
    return True


def sufficient_qemu(board: Board) -> bool:
    """Return whether the board's QEMU is installed, even if Debian's libraries for it are not."""
    try:
        program = find_qemu(board)
        check_version(board, program, qemu_version(program))
    except QemuCannotStart as error:
        return error.remedy.startswith(APT)
    except QemuError:
        return False
    return True
