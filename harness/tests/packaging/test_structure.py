# SPDX-License-Identifier: MIT
"""The shape of the tree: sizes of files and folders, import cycles and layers.

A layer is a package of `espbench`. The number of layers is the length of the longest chain of
packages in which each imports the next; imports inside functions and for type checkers count.
import-linter checks the order of the packages (`make lint`); this module finds import cycles.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import grimp
import pytest

TREE = Path(__file__).resolve().parents[3]
TOPS = ("certs", "ci", "docs", "firmware", "harness", "scenarios", "tools")
LONGEST_FILE = 600
FULLEST_FOLDER = 15
LAYERS = 12
LONGEST_CHAIN = 34
"""Modules, each of which imports the next."""

Graph = Mapping[str, set[str]]


PYTHON = frozenset({".py", ".pyi"})
OTHERS = frozenset({".c", ".h", ".js", ".toml"})
GENERATED = frozenset({"build", "evidence", "node_modules", "__pycache__"})
"""Folders that no commit has."""
WRITTEN = re.compile(r"ci/check-\w+\.toml")
"""Files that `espbench check` writes."""


def sources(suffixes: Collection[str] = PYTHON) -> list[Path]:
    """Return the files of the tree that end so, without generated ones."""
    found = [path for top in TOPS for path in sorted((TREE / top).rglob("*.*"))]
    return [
        path
        for path in [*found, *TREE.glob("*.*")]
        if path.suffix in suffixes
        and not GENERATED.intersection(path.relative_to(TREE).parts)
        and not any(part.startswith(".") for part in path.relative_to(TREE).parts)
        and not WRITTEN.fullmatch(str(path.relative_to(TREE)))
    ]


@cache
def modules() -> Graph:
    """Return the imports of each module of espbench, including those inside functions."""
    graph = grimp.build_graph("espbench", exclude_type_checking_imports=False, cache_dir=None)
    return {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


def packages(imports: Graph) -> Graph:
    """Return the imports of each package; a top-level module counts as a package."""
    found: dict[str, set[str]] = {}
    for importer, imported in imports.items():
        here = _package(importer)
        found.setdefault(here, set()).update({_package(name) for name in imported} - {here})
    return found


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def longest_chain(imports: Graph) -> list[str]:
    """Return the longest chain in which each module imports the next.

    Raises:
        graphlib.CycleError: modules import each other.
    """
    chains: dict[str, list[str]] = {}
    for name in graphlib.TopologicalSorter(imports).static_order():
        below = max((chains[one] for one in imports.get(name, ())), key=len, default=[])
        chains[name] = [name, *below]
    return max(chains.values(), key=len, default=[])


def test_chains() -> None:
    """The helpers find chains and cycles."""
    assert longest_chain({"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}) == ["a", "b", "c"]
    assert packages({"x.a.b": {"x.a.c", "x.d.e"}}) == {"x.a": {"x.d"}}
    with pytest.raises(graphlib.CycleError):
        longest_chain({"a": {"b"}, "b": {"a"}})


def test_no_modules_import_each_other() -> None:
    """There are no import cycles, even counting imports in functions and for type checkers."""
    try:
        chain = longest_chain(modules())
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
    assert len(chain) <= LONGEST_CHAIN, " > ".join(chain)


def test_limits_are_documented() -> None:
    """docs/architecture.md gives the limits that these tests check."""
    text = " ".join((TREE / "docs" / "architecture.md").read_text().split())
    for words in (
        f"has {LAYERS} layers",
        f"longest chain of modules has {LONGEST_CHAIN},",
        f"files of more than {LONGEST_FILE} lines",
        f"folders of more than {FULLEST_FOLDER} modules",
    ):
        assert words in text


def test_layers() -> None:
    """The packages form a limited number of layers."""
    chain = longest_chain(packages(modules()))
    assert len(chain) <= LAYERS, " > ".join(chain)


@pytest.mark.parametrize(("suffixes", "number"), [(PYTHON, 300), (OTHERS, 200)])
def test_no_file_is_long(suffixes: Collection[str], number: int) -> None:
    """No file is longer than the limit."""
    found = sources(suffixes)
    assert len(found) > number
    lengths = {path: len(path.read_text().splitlines()) for path in found}
    assert [f"{p.relative_to(TREE)}: {n}" for p, n in lengths.items() if n > LONGEST_FILE] == []


@pytest.mark.parametrize("suffixes", [PYTHON, OTHERS])
def test_no_folder_is_full(suffixes: Collection[str]) -> None:
    """No folder has more modules than the limit; a C file and its header are one."""
    modules_of: dict[Path, set[str]] = {}
    for path in sources(suffixes):
        modules_of.setdefault(path.parent, set()).add(path.stem)
    counts = {path: len(names) for path, names in modules_of.items()}
    assert [f"{p.relative_to(TREE)}: {n}" for p, n in counts.items() if n > FULLEST_FOLDER] == []


def test_first_lines_differ() -> None:
    """The first line of each module describes its contents, and no two are the same."""
    first: dict[str, Path] = {}
    for path in sources():
        line = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        assert len(line.split()) >= 3, f"{path.relative_to(TREE)} does not describe its contents"
        assert line.endswith("."), f"{path.relative_to(TREE)}: {line}"
        assert line not in first, f"{path.relative_to(TREE)} says the same as {first[line]}"
        first[line] = path


def test_files_that_a_package_lists() -> None:
    """A package docstring that lists modules lists exactly those of the package."""
    listed = {
        path: set(
            re.findall(r"^(\w+\.py)  ", ast.get_docstring(ast.parse(path.read_text())) or "", re.M)
        )
        for path in sources()
        if path.name == "__init__.py"
    }
    assert any(listed.values())
    for path, names in listed.items():
        if names:
            assert names == {one.name for one in path.parent.glob("[!_]*.py")}
