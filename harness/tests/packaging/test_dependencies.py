# SPDX-License-Identifier: MIT
"""The declared dependencies are exactly the distributions that the package imports."""

from __future__ import annotations

import ast
import importlib.metadata
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TREE = Path(__file__).resolve().parents[3]
SHIPPED = ("harness/espbench", "harness/tests/support", "scenarios")
"""Folders with the Python sources of the wheel."""
USED_WITHOUT_AN_IMPORT = {
    "pytest-split": "a pytest plugin: --shard",
    "pytest-timeout": "a pytest plugin: a limit for each test",
    "pytest-xdist": "a pytest plugin: -n",
}


def imported() -> set[str]:
    """Return the top-level modules that the shipped Python imports."""
    found: set[str] = set()
    for folder in SHIPPED:
        for path in (TREE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module)
    return {name.partition(".")[0] for name in found}


def declared(*extras: str) -> set[str]:
    """Return the names of the distributions that pyproject.toml declares."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = [project["dependencies"], *(project["optional-dependencies"][name] for name in extras)]
    return {canonicalize_name(Requirement(line).name) for group in groups for line in group}


def test_each_dependency_is_used() -> None:
    """A dependency that nothing imports costs each user a download."""
    distributions = importlib.metadata.packages_distributions()
    used = {
        canonicalize_name(distribution)
        for module in imported()
        for distribution in distributions.get(module, [])
    }
    assert declared() - used == set(USED_WITHOUT_AN_IMPORT)
