# SPDX-License-Identifier: MIT
"""`MakeBuilder`: builds firmware with the Makefile of its board's port."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from espbench.boards.board import Board
from espbench.errors import BuildError, ToolMissing
from espbench.firmware import micropython
from espbench.firmware import source_tree as tree
from espbench.firmware.checks import Finding
from espbench.firmware.job import COMPILER, NOT_INSTALLED, Job, run_logged
from espbench.firmware.make_paths import MakePaths
from espbench.util.programs import first_line
from espbench.util.system_packages import install_command

SOURCE_VARIABLES = {
    "MICROPYTHON": "micropython",
    "LWIP": "lwip",
    "MBEDTLS": "mbedtls",
    "HTTP_PARSER": "http-parser",
    "LIBGCC": "libgcc",
}
"""Source folder by Makefile variable."""

WERROR_VARIABLE = "ESPBENCH_WERROR"
"""If 1, a warning in the project's own C code stops the build. CI sets it; for users, a newer
compiler's warnings must not break the build."""

VARIANTS = ("TLS13",)
"""The variants of a firmware: each is a Makefile variable that is 1, by default 0."""

FLAGS = frozenset({"WERROR", *VARIANTS})
"""Variables that are not paths."""

C_LIBRARY = Path("/usr/lib/xtensa-lx106-elf/lib/libc.a")
C_LIBRARY_PACKAGE = "picolibc-xtensa-lx106-elf"
"""Debian's picolibc for the LX106."""
CHECKOUT_FOLDERS = ("py", "extmod", "shared", "drivers", "lib/crypto-algorithms", "lib/littlefs")
"""The folders of a MicroPython checkout that are checked for changes."""
CROSS_TOOLS = ("gcc-xtensa-lx106", "binutils-xtensa-lx106")
"""Debian's packages with the compiler and the linker."""


class MakeBuilder:
    """See `job.Builder`."""

    output = "firmware.elf"
    survives_a_kill = False  # make takes a truncated object for a complete one
    neutral = frozenset({"MPY_CROSS", "PYTHON", "WERROR"})

    def job(self, board: Board, root: Path, board_dir: Path | None, variant: str = "") -> Job:
        """Return the job of building a board.

        Raises:
            BuildError: the tree has no such board or variant, or `board_dir` is given, which these
                boards do not support.
        """
        if board_dir is not None:
            raise BuildError(
                f"Board {board.name} is always built from its own folder: omit --board-dir."
            )
        if variant and variant not in VARIANTS:
            raise BuildError(
                f"Board {board.name} has no variant {variant!r}: choose one of "
                f"{', '.join(VARIANTS)}."
            )
        folder = root / "firmware" / "ports" / board.name
        if not (folder / "Makefile").is_file():
            raise BuildError(
                f"Board {board.name} cannot be built: {folder.relative_to(root)}/Makefile does not "
                "exist."
            )
        checkout = micropython.find_micropython(os.environ)
        inputs = tuple(checkout / name for name in CHECKOUT_FOLDERS) if checkout else ()
        out = tree.builds(root) / "-".join([board.name, *([variant] if variant else [])])
        return Job(board, root, folder, out, inputs, variant)

    def sources(self) -> list[str]:
        """Return the names of the pinned sources that it needs."""
        own = micropython.find_micropython(os.environ) is not None
        return [s for s in SOURCE_VARIABLES.values() if not (own and s == "micropython")]

    def variables(self, job: Job, folders: Mapping[str, Path]) -> dict[str, str]:
        """Return the variables for make."""
        from mpy_cross_v6_3 import MPY_CROSS_PATH

        checkout = micropython.find_micropython(os.environ)
        found = {**folders, "micropython": checkout} if checkout else folders
        return {
            "BUILD": str(job.out),
            **{name: str(found[source]) for name, source in SOURCE_VARIABLES.items()},
            "MPY_CROSS": str(MPY_CROSS_PATH),
            "PYTHON": sys.executable,
            "WERROR": "1" if os.environ.get(WERROR_VARIABLE) == "1" else "0",
            **({job.variant: "1"} if job.variant else {}),
        }

    def check_tools(self, board: Board) -> None:
        """Check that the firmware can be compiled.

        Raises:
            ToolMissing: a tool or library is not installed, or ESPBENCH_MICROPYTHON names no
                MicroPython that can be built.
        """
        micropython.check_micropython(board.name, os.environ)
        compiler = f"{board.toolchain}gcc"
        if shutil.which("make") is None:
            raise ToolMissing(f"make is not installed: install it with {install_command('make')}.")
        if shutil.which(compiler) is None:
            raise ToolMissing(
                f"The compiler {compiler} is not installed, but the {board.name} firmware needs "
                f"it: install it with {install_command(*CROSS_TOOLS, C_LIBRARY_PACKAGE)}."
            )
        if not C_LIBRARY.exists():
            raise ToolMissing(
                f"The C library {C_LIBRARY} is not installed, but the {board.name} firmware needs "
                f"it: install it with {install_command(C_LIBRARY_PACKAGE)}."
            )

    def compile(
        self, job: Job, variables: Mapping[str, str], progress: Callable[[str], None]
    ) -> dict[str, str]:
        """Run make; return the versions of the tools used.

        Raises:
            BuildError: the build failed.
        """
        command = ["make", "-C", str(job.folder), f"-j{os.cpu_count() or 1}"]
        command += ["--no-print-directory"]
        paths = MakePaths()
        # By default the Makefile would use the path with all links resolved.
        command.append(f"FIRMWARE={paths(job.root / 'firmware')}")
        for name, value in variables.items():
            command.append(f"{name}={value if name in FLAGS else paths(Path(value))}")
        # An outer make's flags and jobserver must not affect this make.
        outer = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
        clean = {k: v for k, v in os.environ.items() if k not in outer}
        if tag := micropython.git_tag(os.environ):
            clean = {"MICROPY_GIT_TAG": tag, "MICROPY_GIT_HASH": tag, **clean}
        run_logged(job, command, environment=clean, progress=progress)
        return {COMPILER: self.compiler(job.board)}

    def compiler(self, board: Board) -> str:
        """Return the first line of the compiler's `--version`, or `NOT_INSTALLED`."""
        path = shutil.which(f"{board.toolchain}gcc")
        return first_line([path, "--version"]) if path else NOT_INSTALLED

    compiler_at_hand = compiler

    def findings(self, board: Board) -> list[Finding]:
        """Check the cross tools, without raising if one is missing."""
        findings = []
        install = install_command(*CROSS_TOOLS)
        for tool in ("gcc", "ld"):
            name = f"{board.toolchain}{tool}"
            path = shutil.which(name)
            findings.append(
                Finding(board.name, name, "ok", first_line([path, "--version"]))
                if path
                else Finding(board.name, name, "missing", "not installed", install)
            )
        there = C_LIBRARY.exists()
        findings.append(
            Finding(
                board.name,
                "C library",
                "ok" if there else "missing",
                f"{'' if there else 'no '}{C_LIBRARY}",
                "" if there else install_command(C_LIBRARY_PACKAGE),
            )
        )
        return [*findings, micropython.finding(board.name, os.environ)]
