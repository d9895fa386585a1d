# SPDX-License-Identifier: MIT
"""What Espressif's installers and QEMU need from Debian; looked for before anything is fetched."""

from __future__ import annotations

import shutil
import subprocess
import sys

from espbench.errors import SetupError
from espbench.qemu.start_failure import LIBRARIES
from espbench.setup.plan import Plan
from espbench.util.system_packages import install_command

__all__ = ["check_requirements", "lacking_libraries"]

_LOAD = """
import ctypes, sys
for library in sys.argv[1:]:
    try:
        ctypes.CDLL(library)
    except OSError:
        print(library)
"""
CLONING = {"git": "git"}
BUILDING = {"bash": "bash", "cmake": "cmake", "ninja": "ninja-build"}


def lacking_libraries() -> list[str]:
    """Return the shared libraries of Espressif's QEMU that cannot be loaded on this machine."""
    # In a process of its own: a library may start threads, or have handlers for exit.
    result = subprocess.run(
        [sys.executable, "-c", _LOAD, *LIBRARIES],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return result.stdout.split()


def check_requirements(plan: Plan) -> None:
    """Check that Debian's packages are installed which the steps of a plan need.

    Raises:
        SetupError: some are not; the message has one command for all of them.
    """
    programs = {**(CLONING if plan.clones else {}), **(BUILDING if plan.builds else {})}
    path = plan.environment.get("PATH")
    packages = [package for name, package in programs.items() if not shutil.which(name, path=path)]
    if plan.builds and not _makes_environments(path):
        packages.append("python3-venv")
    if plan.emulates:
        packages += [LIBRARIES[library] for library in lacking_libraries()]
    if packages:
        command = install_command(*packages)
        raise SetupError(
            f"Packages are missing that Espressif's tools need: run `{command}` as root, then "
            f"`{plan.command}` again."
        )


def _makes_environments(path: str | None) -> bool:
    """Return whether the Python that install.sh finds can make virtual environments."""
    python = shutil.which("python3", path=path)
    if python is None:
        return False
    command = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
