# SPDX-License-Identifier: MIT
"""The tables of docs/architecture.md match the tree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
TEXT = (TREE / "docs" / "architecture.md").read_text()


def rows(title: str) -> list[list[str]]:
    """Return the cells of each row of the table below a heading."""
    section = TEXT.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_packages_are_those_of_the_contract() -> None:
    """The table has every package, in the order that import-linter checks."""
    (layers,) = [
        contract["layers"]
        for contract in tomllib.loads((TREE / "pyproject.toml").read_text())["tool"][
            "importlinter"
        ]["contracts"]
        if contract["type"] == "layers"
    ]
    assert [name.strip("`") for name, _ in rows("Packages of the harness")] == layers


def test_folders_exist_and_none_is_missing() -> None:
    """The table has every folder of the repository except hidden and generated ones."""
    named = {name.strip("`").rstrip("/").partition("/")[0] for name, _ in rows("The tree")}
    made = {"__pycache__", "build", "node_modules"}
    there = {path.name for path in TREE.iterdir() if path.is_dir() and path.name[0] != "."} - made
    there = {name for name in there if not name.startswith("evidence")}  # one for each session
    assert named == there


def test_named_folders_exist() -> None:
    """Each folder of the table exists, and the harness's folders without modules have a row."""
    named = {name.strip("`").rstrip("/") for name, _ in rows("The tree")}
    assert [name for name in named if not (TREE / name).is_dir()] == []
    package = TREE / "harness" / "espbench"
    data = {
        str(path.relative_to(TREE))
        for path in package.iterdir()
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists()
    }
    assert data <= named


def test_firmware_folders_exist_and_none_is_missing() -> None:
    """The table has every folder of the firmware, those of modules and ports one by one.

    A folder that the text of a row names is in that row's folder.
    """
    firmware = TREE / "firmware"
    table = [
        (re.findall(r"`([\w/]+)`", folder), text)
        for folder, text in rows("Folders of the firmware")
    ]
    named = [name for folders, _ in table for name in folders]
    assert len(named) == len(set(named))
    groups = ("modules", "ports")
    there = {
        str(path.relative_to(firmware))
        for path in [
            *firmware.iterdir(),
            *(one for top in groups for one in (firmware / top).iterdir()),
        ]
        if path.is_dir() and path.name not in (*groups, "__pycache__", "build")
    }
    assert there <= set(named)
    parts = [
        (folders[0], part) for folders, text in table for part in re.findall(r"`(\w+)/`", text)
    ]
    assert len(parts) > 2
    paths = [*named, *("/".join(each) for each in parts)]
    assert [path for path in paths if not (firmware / path).is_dir()] == []


def test_scenarios_are_in_these_folders() -> None:
    """The table has every folder of scenarios, and nothing else."""
    there = {path.parent.name for path in (TREE / "scenarios").glob("*/__init__.py")}
    assert [name.strip("`") for name, _ in rows("Scenarios")] == sorted(there)


def test_files_exist() -> None:
    """Each file that the answers name exists, and contains the names that follow it."""
    named = [
        (file, name)
        for _, cell in rows("Where to look")
        for file, name in re.findall(r"`([\w./-]+\.\w+)`(?: \(`(\w+)(?:\(\))?`\))?", cell)
    ]
    assert len(named) > 8
    assert sum(bool(name) for _, name in named) > 1
    assert [file for file, _ in named if not (TREE / file).is_file()] == []
    assert [each for each in named if each[1] not in (TREE / each[0]).read_text()] == []
