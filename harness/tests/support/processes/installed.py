# SPDX-License-Identifier: MIT
"""espbench as users install it: a wheel in a virtual environment outside the tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from espbench.firmware import sources

TREE = Path(__file__).resolve().parents[4]
LOCAL = ("PYTEST", "PYTHON", "VIRTUAL_ENV", "ESPBENCH", "GITHUB")
"""Prefixes of environment variables that belong to the outer run."""
PIP = ("-m", "pip")
QUIET = ("--quiet", "--disable-pip-version-check")
OFFLINE = (*QUIET, "--no-deps", "--no-index")


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel, and an empty project.

    Attributes:
        wheel: the wheel's file.
        environment: the virtual environment, with the outer one's dependencies.
        project: the folder of a user's project.
    """

    wheel: Path
    environment: Path
    project: Path

    @property
    def package(self) -> Path:
        """The installed package's folder."""
        (found,) = self.environment.glob("lib/python*/site-packages/espbench")
        return found

    def variables(self) -> dict[str, str]:
        """Return variables for a user with only this environment and the system's programs."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith(LOCAL)}
        return {
            **kept,
            "PATH": f"{self.environment / 'bin'}:{os.defpath}",
            "HOME": str(self.project.parent / "home"),
            # So that the pinned sources are not fetched again.
            "ESPBENCH_CACHE": str(sources.cache_folder()),
        }

    def run(self, *command: str, status: int = 0, more: Mapping[str, str] | None = None) -> str:
        """Run a command in the project, which must exit with this status; return its output."""
        result = subprocess.run(
            command,
            cwd=self.project,
            env={**self.variables(), **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert result.returncode == status, result.stdout
        return result.stdout

    def espbench(self, *arguments: str, status: int = 0) -> str:
        """Run `espbench`; return its output."""
        return self.run("espbench", *arguments, status=status)

    def pytest(self, *arguments: str, status: int = 0) -> str:
        """Run pytest; return its output."""
        return self.run("python", "-m", "pytest", *arguments, status=status)


def install(folder: Path) -> Installed:
    """Build an sdist from a fresh copy of this tree and a wheel from the sdist, and install it."""
    copy_tree(folder / "source")
    make = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    _python(sys.executable, folder / "source", "-c", make, str(folder / "sdist"))
    (sdist,) = (folder / "sdist").glob("*.tar.gz")
    wheels = ("wheel", *OFFLINE, "--no-build-isolation", "-w", str(folder / "wheel"), str(sdist))
    _python(sys.executable, folder, *PIP, *wheels)
    (wheel,) = (folder / "wheel").glob("*.whl")
    return install_wheel(wheel, folder / "venv", folder / "project")


def install_wheel(wheel: Path, environment: Path, project: Path, *more: str) -> Installed:
    """Install a wheel, and more packages from PyPI, for an empty project."""
    made = Installed(wheel, environment, project)
    for path in (made.project, made.project.parent / "home"):
        path.mkdir()
    # The system's packages first: with --system-site-packages pip would see this tree's packages.
    venv.create(made.environment, symlinks=True)
    (packages,) = made.environment.glob("lib/python*/site-packages")
    python = str(made.environment / "bin" / "python")
    installs = (*PIP, "--python", python, "install")
    _python(sys.executable, project, *installs, *OFFLINE, str(wheel))
    if more:
        _python(sys.executable, project, *installs, *QUIET, "--no-deps", *more)
    # A folder from a .pth file is searched last, and .pth files in it are ignored, such as that of
    # this tree's editable install.
    (packages / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made


def copy_tree(target: Path) -> None:
    """Copy the files that git tracks or would track, without anything generated."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=TREE, capture_output=True, check=True).stdout
    for name in filter(None, map(os.fsdecode, listed.split(b"\0"))):
        source = TREE / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(source.read_bytes())
            (target / name).chmod(source.stat().st_mode)


def _python(python: str, folder: Path, *arguments: str) -> None:
    result = subprocess.run(
        [python, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
