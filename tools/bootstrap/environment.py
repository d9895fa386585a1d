# SPDX-License-Identifier: MIT
"""The virtual environment in the tree: create or update it only if it is not up to date."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import install
from problem import Problem

FOLDER = ".venv"
STAMP = "espbench-stamp"
"""Written last: an environment without it is incomplete."""


def locked_stamp(tree: Path) -> str:
    """Return a digest of what the environment's packages depend on: lock file, Python and path.

    Each version of Python searches its own folder for packages, and loads only those compiled for
    it. The path matters because the programs in an environment name their interpreter by path.
    """
    digest = hashlib.sha256()
    digest.update(python_abi().encode())
    digest.update((tree / "requirements.lock").read_bytes())
    digest.update(os.fsencode(tree))
    return digest.hexdigest()


def path_problem(tree: str) -> str:
    """Return why an environment cannot work in a tree with this path, or ""; pure.

    If the path contains a space, pip makes the environment's programs start through a shell, with
    the path in double quotes.
    """
    if ":" in tree or "\n" in tree:
        mark = "a colon" if ":" in tree else "a line break"
    elif (found := re.search(r'["$`\\]', tree)) and re.search(r"\s", tree):
        mark = f"both a space and {found[0]}"
    else:
        return ""
    return (
        f"the path of this clone, {tree!r}, contains {mark}, so the programs of a virtual "
        "environment would not start: move the clone to another folder, then run make again."
    )


def python_abi() -> str:
    """Return the ABI for which packages are installed, such as `cpython-311-x86_64`."""
    return str(sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag)


def base_python() -> str:
    """Return the interpreter to create the environment with, never one inside an environment.

    If `.venv` is active, `python3` is the one in it, which is removed when `.venv` is rebuilt.
    """
    if sys.prefix == sys.base_prefix:
        return sys.executable
    base = Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}")
    return str(base) if base.exists() else sys.executable


def project_stamp(tree: Path) -> str:
    """Return a digest of what the editable install of the harness depends on."""
    return hashlib.sha256((tree / "pyproject.toml").read_bytes()).hexdigest()


def read_stamp(folder: Path) -> tuple[str, str]:
    """Return an environment's stamps; empty ones if it does not exist or is incomplete."""
    try:
        packages, project = (folder / STAMP).read_text().split()
    except (OSError, ValueError):
        return "", ""
    # bin/python may link to an interpreter that the system has since replaced: exists() follows it.
    return (packages, project) if (folder / "bin" / "python").exists() else ("", "")


def ensure(tree: Path) -> Path:
    """Bring the environment of `tree` up to date and return the folder of its programs.

    Raises:
        Problem: it could not be created.
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
        # Emptied, not removed: the folder may be a mount point, such as a container's volume.
        result = subprocess.run(
            [base_python(), "-m", "venv", "--clear", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise Problem(
            f"{folder} could not be created ({error.strerror}): check that folder's permissions."
        ) from error
    if result.returncode:
        last = (result.stdout + result.stderr).strip().splitlines()[-1:]
        raise Problem(
            f"Python could not create a virtual environment in {folder} ({' '.join(last)}): "
            "check the free space on that disk, then run make again."
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
    """Allow one process at a time to change the environment."""
    path = tree / "build" / ".venv.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    except OSError as error:
        raise Problem(
            f"{path.parent} cannot be written ({error.strerror}): clone into a folder that you own."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("espbench: another run is setting up .venv: waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
