# SPDX-License-Identifier: MIT
"""Puts what the package needs of the tree beside its modules into a wheel; the rest is declared."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TREE = Path(__file__).resolve().parent
CARRIED = (
    "firmware",
    "conftest.py",
    "scenarios",
    "ci",
    "certs",
    # what suites import
    "harness/tests/support",
    # pytest's options for the suites
    "pyproject.toml",
)
LEFT_OUT = ("firmware/tests", "ci/chroots.py", "ci/newcomer.py")


def carried() -> Iterator[Path]:
    """Return the files that go along, relative to the tree."""
    for name in CARRIED:
        top = TREE / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            relative = path.relative_to(TREE)
            made = path.suffix == ".pyc" or any(part.startswith(".") for part in relative.parts)
            if path.is_file() and not made and not relative.as_posix().startswith(LEFT_OUT):
                yield relative


class BuildPy(build_py):
    """Builds the package as ever, then copies; an editable install goes on using the tree."""

    def run(self) -> None:
        """Leave the package, whole, in the folder that becomes the wheel."""
        if self.editable_mode:
            super().run()
            return
        package = Path(self.build_lib) / "espbench"
        shutil.rmtree(package, ignore_errors=True)  # modules of an earlier build
        super().run()
        for path in carried():
            target = package / "_tree" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TREE / path, target)
        # Suites then have names of their own in a session with somebody else's test_http.py.
        (package / "_tree" / "__init__.py").touch()

    def get_source_files(self) -> list[str]:
        """Return what an sdist must have."""
        return [*super().get_source_files(), *map(str, carried())]


setup(cmdclass={"build_py": BuildPy})
