# SPDX-License-Identifier: MIT
"""The shape of the tree: sizes of files and folders, cycles and layers of imports.

A layer is a package of `espbench`: the chain that is counted is the longest one of packages, each
of which imports the next, imports inside functions and for type checkers included.
import-linter checks the packages' order (`make lint`); cycles are looked for between modules.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import grimp
import pytest

TREE = Path(__file__).resolve().parents[3]
TOPS = ("certs", "ci", "docs", "firmware", "harness", "scenarios", "tools")
LONGEST_FILE = 600
FULLEST_FOLDER = 15
LAYERS = 12

Graph = Mapping[str, set[str]]


def sources() -> list[Path]:
    """Return the Python files that people write."""
    found = [path for top in TOPS for path in sorted((TREE / top).rglob("*.py*"))]
    return [
        path
        for path in [*found, *TREE.glob("*.py")]
        if path.suffix in (".py", ".pyi")
        and not {"build", "__pycache__"}.intersection(path.relative_to(TREE).parts)
        and not any(part.startswith(".") for part in path.relative_to(TREE).parts)
    ]


@cache
def modules() -> Graph:
    """Return what each module of espbench imports, wherever in the module it does."""
    graph = grimp.build_graph("espbench", exclude_type_checking_imports=False, cache_dir=None)
    return {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


def packages(imports: Graph) -> Graph:
    """Return what each package imports, the module of a single file being one."""
    found: dict[str, set[str]] = {}
    for importer, imported in imports.items():
        here = _package(importer)
        found.setdefault(here, set()).update({_package(name) for name in imported} - {here})
    return found


def _package(module: str) -> str:
    return ".".join(module.split(".")[:2])


def longest_chain(imports: Graph) -> list[str]:
    """Return the longest chain of which each imports the next.

    Raises:
        graphlib.CycleError: there is none, because they import each other.
    """
    chains: dict[str, list[str]] = {}
    for name in graphlib.TopologicalSorter(imports).static_order():
        below = max((chains[one] for one in imports.get(name, ())), key=len, default=[])
        chains[name] = [name, *below]
    return max(chains.values(), key=len, default=[])


def test_chains() -> None:
    """The check finds what it looks for."""
    assert longest_chain({"a": {"b", "d"}, "b": {"c"}, "c": set(), "d": set()}) == ["a", "b", "c"]
    assert packages({"x.a.b": {"x.a.c", "x.d.e"}}) == {"x.a": {"x.d"}}
    with pytest.raises(graphlib.CycleError):
        longest_chain({"a": {"b"}, "b": {"a"}})


def test_no_modules_import_each_other() -> None:
    """No cycle, not even of imports inside functions or for type checkers."""
    try:
        longest_chain(modules())
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_layers() -> None:
    """The packages are not stacked too high."""
    chain = longest_chain(packages(modules()))
    assert len(chain) <= LAYERS, " > ".join(chain)


def test_no_file_is_long() -> None:
    """Each file fits into one head."""
    found = sources()
    assert len(found) > 300
    lengths = {path: len(path.read_text().splitlines()) for path in found}
    assert [f"{p.relative_to(TREE)}: {n}" for p, n in lengths.items() if n > LONGEST_FILE] == []


def test_no_folder_is_full() -> None:
    """A folder's modules can be read as a list."""
    counts: dict[Path, int] = {}
    for path in sources():
        counts[path.parent] = counts.get(path.parent, 0) + 1
    assert [f"{p.relative_to(TREE)}: {n}" for p, n in counts.items() if n > FULLEST_FOLDER] == []


def test_first_lines_differ() -> None:
    """Each module says in its first line what is in it, so that one opens the right one of two."""
    first: dict[str, Path] = {}
    for path in sources():
        line = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        assert len(line.split()) >= 3, f"{path.relative_to(TREE)} does not say what is in it"
        assert line.endswith("."), f"{path.relative_to(TREE)}: {line}"
        assert line not in first, f"{path.relative_to(TREE)} says the same as {first[line]}"
        first[line] = path


def test_files_that_a_package_lists() -> None:
    """A package that lists its modules lists all of them, and no others."""
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
