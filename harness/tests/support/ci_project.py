# SPDX-License-Identifier: MIT
"""A firmware project on a CI machine: apt-get is a stub, and pip installs this tree's wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import foreign
from installed import TREE, Installed

MAKEFILE = """\
build/firmware.elf: foreign.c
\tmkdir -p build
\t{gcc} {flags} -DEXTRA=$${{EXTRA:-16}} foreign.c -o $@
"""
FAILING = "def test_mine(device):\n    assert 0\n"
"""A failing test of the project."""


class Project:
    """A project with firmware of its own, and the programs of a CI machine.

    Attributes:
        folder: the checkout.
        apt: the file in which the stub logs the arguments of apt-get.
        variables: the machine's environment.
    """

    def __init__(self, folder: Path, installed: Installed) -> None:
        """Create the project in an empty folder."""
        foreign.build(folder / "there-is-a-compiler.elf")
        self.folder = folder / "project"
        self.folder.mkdir()
        self.apt = folder / "apt.log"
        self._installed = installed
        shutil.copy(Path(foreign.__file__).with_name("foreign.c"), self.folder)
        makefile = MAKEFILE.format(gcc=foreign.GCC, flags=foreign.FLAGS)
        (self.folder / "Makefile").write_text(makefile)
        (self.folder / "ci").mkdir()
        self.variables = machine(folder, installed)

    def complete(self, environment: Path) -> None:
        """Make this tree's packages available to the environment with the wheel."""
        complete(environment)

    def baseline(self) -> None:
        """Write the baseline with the command from ci/README.md."""
        subprocess.run(["make"], cwd=self.folder, check=True, capture_output=True)
        (command,) = re.findall(
            r"^ *(espbench gate --firmware build/.* --update)$", readme(), re.MULTILINE
        )
        environment = self._installed.variables()
        subprocess.run(["bash", "-c", command], cwd=self.folder, env=environment, check=True)

    def rebuild(self) -> None:
        """Make the next build a full one."""
        (self.folder / "build" / "firmware.elf").unlink()


def machine(folder: Path, installed: Installed) -> dict[str, str]:
    """Put a machine's programs into `folder`/bin, and return its environment.

    apt-get logs its arguments in `folder`/apt.log.
    """
    programs = folder / "bin"
    programs.mkdir()
    _script(programs / "apt-get", f'echo "$@" >> {folder / "apt.log"}')
    _script(programs / "sudo", 'exec "$@"')
    (programs / "python3").symlink_to(sys.executable)
    return {
        **installed.variables(),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PATH": f"{programs}:/usr/bin:/bin",
    }


def complete(environment: Path) -> None:
    """Make this tree's packages available to an environment in which pip installed the wheel."""
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # pip was run without dependencies, so pytest is missing.
    _script(environment / "bin" / "pytest", 'exec python3 -m pytest "$@"')


def readme() -> str:
    """Return ci/README.md with continuation lines joined."""
    return (TREE / "ci" / "README.md").read_text(encoding="utf-8").replace("\\\n", "")


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
