# SPDX-License-Identifier: MIT
"""A firmware project on a CI machine: apt-get is a stand-in, and pip takes this tree's wheel."""

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
"""A test of the project's own."""


class Project:
    """A project whose firmware is not espbench's, and the programs that a CI machine has.

    Attributes:
        folder: the checked out project.
        apt: what apt-get was asked for, once it was.
        variables: the machine's environment.
    """

    def __init__(self, folder: Path, installed: Installed) -> None:
        """Make the project in a folder that is empty."""
        foreign.build(folder / "there-is-a-compiler.elf")
        self.folder = folder / "project"
        self.folder.mkdir()
        self.apt = folder / "apt.log"
        self._installed = installed
        shutil.copy(Path(foreign.__file__).with_name("foreign.c"), self.folder)
        makefile = MAKEFILE.format(gcc=foreign.GCC, flags=foreign.FLAGS)
        (self.folder / "Makefile").write_text(makefile)
        (self.folder / "ci").mkdir()
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        _script(bin_folder / "apt-get", f'echo "$@" >> {self.apt}')
        _script(bin_folder / "sudo", 'exec "$@"')
        (bin_folder / "python3").symlink_to(sys.executable)
        self.variables = {
            **installed.variables(),
            "PIP_NO_DEPS": "1",
            "PIP_NO_INDEX": "1",
            "PATH": f"{bin_folder}:/usr/bin:/bin",
        }

    def complete(self, environment: Path) -> None:
        """Put this tree's packages behind an environment into which pip installed the wheel."""
        (packages,) = environment.glob("lib/python*/site-packages")
        (packages / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
        # pytest is one of the dependencies that pip was kept from.
        _script(environment / "bin" / "pytest", 'exec python3 -m pytest "$@"')

    def baseline(self) -> None:
        """Write the baseline, as ci/README.md says."""
        subprocess.run(["make"], cwd=self.folder, check=True, capture_output=True)
        (command,) = re.findall(
            r"^ *(espbench gate --firmware build/.* --update)$", readme(), re.MULTILINE
        )
        environment = self._installed.variables()
        subprocess.run(["bash", "-c", command], cwd=self.folder, env=environment, check=True)

    def rebuild(self) -> None:
        """Make the next build a whole one."""
        (self.folder / "build" / "firmware.elf").unlink()


def readme() -> str:
    """Return ci/README.md with its continued lines joined."""
    return (TREE / "ci" / "README.md").read_text(encoding="utf-8").replace("\\\n", "")


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
