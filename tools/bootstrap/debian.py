# SPDX-License-Identifier: MIT
"""The Debian packages that espbench needs, and their installation.

python3 tools/bootstrap/debian.py  # print the command that installs what this machine lacks
python3 tools/bootstrap/debian.py --all  # print the command for a machine with nothing installed
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
    """A Debian package, and how to detect that it (or an equivalent) is installed.

    Attributes:
        name: apt's name.
        programs: all of them must be on PATH.
        files: all of them must exist.
        modules: Python modules that the running Python must have.
        purposes: the purposes that need it.
        optional: for an optional package, what is lost without it ("... are skipped"); empty for a
        required one.
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
    """How to inspect a machine; the tests pass a fake one."""

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
    """Return the one command that installs the packages, for root to run."""
    return " ".join([APT, *(package.name for package in packages)])


def request(packages: Sequence[Package]) -> str:
    """Return the request to a user without root privileges; pure.

    Args:
        packages: those missing for any purpose, so that one request is enough.
    """
    lines = [
        "some Debian packages are missing. Run this line as root, then run make again "
        "(it covers make run, make test and make lint):",
        install_line([package for package in packages if not package.optional]),
    ]
    lines += [
        f"Optionally add {package.name}: without it {package.optional}."
        for package in packages
        if package.optional
    ]
    return "\n".join(lines)


def wanted_things(packages: Sequence[Package]) -> str:
    """Return what is missing in terms that are useful without apt."""
    things: list[str] = []
    for package in packages:
        things += [*package.programs, *package.files]
        things += [f"Python module {name}" for name in package.modules]
    return ", ".join(things)


def is_distribution_python(executable: str) -> bool:
    """Return whether this Python is the system's, so that apt can complete it."""
    return str(Path(executable).resolve()).startswith("/usr/bin/")


def is_root() -> bool:
    """Return whether apt-get may install packages."""
    return os.geteuid() == 0


def has_lists(folder: Path = Path("/var/lib/apt/lists")) -> bool:
    """Return whether apt has any package lists."""
    return any(folder.glob("*_Packages*"))


def ensure(purpose: str) -> None:
    """Install what is missing as root, or else say what to install.

    Raises:
        Problem: something is still missing.
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
        print(f"espbench: {problem} Until then, the tests that need it are skipped.", flush=True)


def _ensure_all(purpose: str, absent: Sequence[Package]) -> None:
    if any(package.modules for package in absent) and not is_distribution_python(sys.executable):
        raise Problem(
            f"this Python ({sys.executable}) has no venv or ensurepip module: install a complete "
            "Python, or use the system's, as in: make run PYTHON=/usr/bin/python3"
        )
    if shutil.which("apt-get") is None:
        raise Problem(
            f"apt-get was not found, so these have to be installed by other means: "
            f"{wanted_things(absent)} (on Debian: {install_line(absent)})"
        )
    if not is_root():
        raise Problem(request(missing_for_any()))
    print(f"espbench: installing {', '.join(package.name for package in absent)}", flush=True)
    install([package.name for package in absent])
    still = [package for package in missing(purpose) if not package.optional]
    if still:
        raise Problem(
            f"apt-get installed the packages, but {wanted_things(still)} cannot be found: "
            "check that /usr/bin is on PATH."
        )


def install(names: Sequence[str]) -> None:
    """Install packages; update apt's lists first if there are none, or if they turn out stale.

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
        f"apt-get could not install {' '.join(names)}: its errors are above. "
        "Fix the cause (network, disk, sources.list), then run make again."
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
    """Print the command, or nothing if no package is missing."""
    packages = PACKAGES if "--all" in arguments else missing_for_any()
    if required := [package for package in packages if not package.optional]:
        print(install_line(required))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
