# SPDX-License-Identifier: MIT
"""The Debian packages that espbench needs, in one place, and how they get onto the machine.

python3 tools/bootstrap/debian.py  # the line that installs what is missing here, for all purposes
python3 tools/bootstrap/debian.py --all  # the line for a machine that has nothing
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from problem import Problem

PURPOSES = ("run", "test", "lint")
APT = "apt-get install --no-install-recommends"
"""Recommended packages would take 850 MB more, and nothing here uses them."""


@dataclass(frozen=True)
class Package:
    """A Debian package, and what shows that it (or something as good) is there.

    Attributes:
        name: what apt calls it.
        programs: all of them must be on PATH.
        files: all of them must exist.
        modules: Python modules that the running Python must have.
        purposes: who needs it.
        optional: for nothing that anybody must have: what is lost without it, as in "skipped";
            empty for what must be there.
    """

    name: str
    programs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    purposes: tuple[str, ...] = PURPOSES
    optional: str = ""


PACKAGES = (
    Package("make", programs=("make",)),
    Package("python3-venv", modules=("venv", "ensurepip")),
    Package("qemu-system-misc", programs=("qemu-system-xtensa",), purposes=("run", "test")),
    Package("gcc-xtensa-lx106", programs=("xtensa-lx106-elf-gcc",), purposes=("run", "test")),
    Package("binutils-xtensa-lx106", programs=("xtensa-lx106-elf-ld",), purposes=("run", "test")),
    Package(
        "picolibc-xtensa-lx106-elf",
        files=("/usr/lib/xtensa-lx106-elf/lib/libc.a",),
        purposes=("run", "test"),
    ),
    Package("util-linux", programs=("setpriv",), purposes=("run", "test")),
    Package("gcc", programs=("gcc",), purposes=("test",)),
    Package("libc6-dev", files=("/usr/include/stdio.h",), purposes=("test",)),
    Package("openssl", programs=("openssl",), purposes=("test",)),
    Package(
        "chromium",
        programs=("chromium",),
        purposes=("test",),
        optional="the tests of the device's page in a browser are skipped",
    ),
)


@dataclass(frozen=True)
class Machine:
    """How to look at a machine; the tests give another one."""

    has_program: Callable[[str], bool]
    has_file: Callable[[str], bool]
    has_module: Callable[[str], bool]


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


HERE = Machine(
    has_program=lambda name: shutil.which(name) is not None,
    has_file=lambda path: Path(path).exists(),
    has_module=_has_module,
)


def missing_for_any(
    machine: Machine = HERE, packages: Iterable[Package] = PACKAGES
) -> list[Package]:
    """Return what `machine` lacks for all purposes together, in order."""
    packages = list(packages)
    lacking = [each for purpose in PURPOSES for each in missing(purpose, machine, packages)]
    return [package for package in packages if package in lacking]


def missing(
    purpose: str, machine: Machine = HERE, packages: Iterable[Package] = PACKAGES
) -> list[Package]:
    """Return the packages that `purpose` needs and `machine` lacks, in order."""
    return [
        package
        for package in packages
        if purpose in package.purposes
        and not (
            all(map(machine.has_program, package.programs))
            and all(map(machine.has_file, package.files))
            and all(map(machine.has_module, package.modules))
        )
    ]


def install_line(packages: Sequence[Package]) -> str:
    """Return the one line that a user without root's rights hands to sudo."""
    return " ".join([APT, *(package.name for package in packages)])


def request(packages: Sequence[Package]) -> str:
    """Return what to ask a user for who cannot install anything himself; pure.

    Args:
        packages: all that are missing, whatever for, so that nobody is asked a second time.
    """
    lines = [
        "some Debian packages are missing. Run this line as root, then make again "
        "(it is for make run, make test and make lint):",
        install_line([package for package in packages if not package.optional]),
    ]
    lines += [
        f"Add {package.name} if you like: without it {package.optional}."
        for package in packages
        if package.optional
    ]
    return "\n".join(lines)


def wanted_things(packages: Sequence[Package]) -> str:
    """Return what is missing in words that mean something without apt."""
    things: list[str] = []
    for package in packages:
        things += [*package.programs, *package.files]
        things += [f"Python module {name}" for name in package.modules]
    return ", ".join(things)


def is_distribution_python(executable: str) -> bool:
    """Return whether this Python came with the system, so that apt can complete it."""
    return str(Path(executable).resolve()).startswith("/usr/bin/")


def is_root() -> bool:
    """Return whether apt-get may install."""
    return os.geteuid() == 0


def has_lists(folder: Path = Path("/var/lib/apt/lists")) -> bool:
    """Return whether apt knows any package."""
    return any(folder.glob("*_Packages*"))


def ensure(purpose: str) -> None:
    """Install what is missing when root, else say what to install.

    Raises:
        Problem: something is missing still.
    """
    everything = missing(purpose)
    absent = [package for package in everything if not package.optional]
    wanted = [package for package in everything if package.optional]
    if absent:
        _ensure_all(purpose, absent)
    if wanted and is_root() and shutil.which("apt-get"):
        _try_to_install(wanted)


def _try_to_install(packages: Sequence[Package]) -> None:
    print(f"espbench: installing {', '.join(package.name for package in packages)}", flush=True)
    try:
        install([package.name for package in packages])
    except Problem as problem:
        print(f"espbench: {problem} Until then the tests that need it are skipped.", flush=True)


def _ensure_all(purpose: str, absent: Sequence[Package]) -> None:
    if any(package.modules for package in absent) and not is_distribution_python(sys.executable):
        raise Problem(
            f"this Python ({sys.executable}) has no venv or ensurepip module: install a complete "
            "Python, or use the system's, as in: make run PYTHON=/usr/bin/python3"
        )
    if shutil.which("apt-get") is None:
        raise Problem(
            f"these are missing, and there is no apt-get to install them with: "
            f"{wanted_things(absent)} (on Debian: {install_line(absent)})"
        )
    if not is_root():
        raise Problem(request(missing_for_any()))
    print(f"espbench: installing {', '.join(package.name for package in absent)}", flush=True)
    install([package.name for package in absent])
    still = [package for package in missing(purpose) if not package.optional]
    if still:
        raise Problem(
            f"apt-get installed what was asked for, but {wanted_things(still)} cannot be found: "
            "check that /usr/bin is on PATH."
        )


def install(names: Sequence[str]) -> None:
    """Install packages, with fresh lists when there are none or when they are too old.

    Raises:
        Problem: apt-get failed.
    """
    updated = not has_lists()
    if updated:
        _apt("update")
    if _apt("install", *names) == 0:
        return
    if not updated:
        # The lists may name versions that the mirror no longer has.
        _apt("update")
        if _apt("install", *names) == 0:
            return
    raise Problem(
        f"apt-get could not install {' '.join(names)}: its own words are above. "
        "Put that right (network, disk, sources.list), then make again."
    )


def _apt(action: str, *names: str) -> int:
    environment: Mapping[str, str] = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    if action == "install":
        command += ["--no-install-recommends", "-o", "Dpkg::Use-Pty=0"]
    return subprocess.run(
        [*command, action, *names], env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode


def main(arguments: Sequence[str]) -> int:
    """Print the line; nothing when nothing is missing."""
    packages = PACKAGES if "--all" in arguments else missing_for_any()
    if required := [package for package in packages if not package.optional]:
        print(install_line(required))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
