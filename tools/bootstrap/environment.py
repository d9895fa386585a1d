# SPDX-License-Identifier: MIT
"""The virtual environment in the tree: made whole, or made again; left alone when it is right."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import install
from problem import Problem

FOLDER = ".venv"
STAMP = "espbench-stamp"
"""Written last: an environment without it was left half-made."""


def locked_stamp(tree: Path) -> str:
    """Return what the environment's packages depend on: lock file, Python and where the tree is.

    Each version of Python looks for packages in a folder of its own, and loads only those compiled
    for it. The place matters because the programs in an environment name their interpreter by path.
    """
    digest = hashlib.sha256()
    digest.update(python_abi().encode())
    digest.update((tree / "requirements.lock").read_bytes())
    digest.update(os.fsencode(tree))
    return digest.hexdigest()


def path_problem(tree: str) -> str:
    """Return why no environment can be in a tree with this path, or ""; pure.

    With a space in its path, pip has the programs in an environment started by a shell, to which
    the path stands in double quotes.
    """
    if ":" in tree or "\n" in tree:
        mark = "a colon" if ":" in tree else "a line break"
    elif (found := re.search(r'["$`\\]', tree)) and re.search(r"\s", tree):
        mark = f"both a space and {found[0]}"
    else:
        return ""
    return (
        f"the path of this clone, {tree!r}, has {mark} in it, with which the programs of a virtual "
        "environment do not start: move the clone to another folder, then make again."
    )


def python_abi() -> str:
    """Return for which Python packages are installed and compiled, as in `cpython-311-x86_64`."""
    return str(sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag)


def base_python() -> str:
    """Return the interpreter to make an environment with: never one inside an environment.

    Where `.venv` is active, `python3` is its own, and goes away when it is made again.
    """
    if sys.prefix == sys.base_prefix:
        return sys.executable
    base = Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}")
    return str(base) if base.exists() else sys.executable


def project_stamp(tree: Path) -> str:
    """Return what the editable install of the harness depends on."""
    return hashlib.sha256((tree / "pyproject.toml").read_bytes()).hexdigest()


def read_stamp(folder: Path) -> tuple[str, str]:
    """Return the stamps of an environment; empty ones when there is none, or half of one."""
    try:
        packages, project = (folder / STAMP).read_text().split()
    except (OSError, ValueError):
        return "", ""
    # A link to an interpreter that the system has replaced since: exists() follows it.
    return (packages, project) if (folder / "bin" / "python").exists() else ("", "")


def ensure(tree: Path) -> Path:
    """Make the environment of `tree` right and return the folder of its programs.

    Raises:
        Problem: it could not be made.
    """
    if problem := path_problem(str(tree)):
        raise Problem(problem)
    folder = tree / FOLDER
    packages, project = locked_stamp(tree), project_stamp(tree)
    if read_stamp(folder) == (packages, project):
        return folder / "bin"
    with _lock(tree):
        have_packages, have_project = read_stamp(folder)
        if have_packages != packages:
            _make(tree, folder)
            have_project = ""
        if have_project != project:
            install.install(
                folder,
                ["--no-build-isolation", "--no-deps", "--editable", str(tree)],
                "the harness could not be installed into .venv",
            )
        _write_stamp(folder, f"{packages}\n{project}\n")
    return folder / "bin"


def _make(tree: Path, folder: Path) -> None:
    count = sum("==" in line for line in (tree / "requirements.lock").read_text().splitlines())
    print(f"espbench: making .venv with {count} locked Python packages", flush=True)
    try:
        if folder.exists():
            shutil.rmtree(folder)
        result = subprocess.run(
            [base_python(), "-m", "venv", str(folder)], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise Problem(
            f"{folder} could not be made ({error.strerror}): see to that folder."
        ) from error
    if result.returncode:
        last = (result.stdout + result.stderr).strip().splitlines()[-1:]
        raise Problem(
            f"Python could not make a virtual environment in {folder} ({' '.join(last)}): "
            "check the free space on that disk, then make again."
        )
    install.add_uv(folder, (tree / "requirements.lock").read_text())
    install.install(
        folder,
        [*install.HASHED, "-r", str(tree / "requirements.lock")],
        "the locked Python packages could not be installed into .venv",
    )


def _write_stamp(folder: Path, text: str) -> None:
    half = folder / f"{STAMP}.new"
    half.write_text(text)
    half.replace(folder / STAMP)


@contextlib.contextmanager
def _lock(tree: Path) -> Iterator[None]:
    """Let one process at a time change the environment."""
    path = tree / "build" / ".venv.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise Problem(
            f"{path.parent} cannot be written ({error.strerror}): clone into a folder of your own."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("espbench: another run is making .venv; waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
