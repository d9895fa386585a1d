# SPDX-License-Identifier: MIT
"""Suites are found by the name of a folder, of a file in it, or by the last part of a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.errors import EspbenchError
from espbench.suites.names import (
    RENAMED,
    TESTS_OF_THE_HARNESS,
    about,
    renamed,
    suite_of,
    suite_paths,
    suites,
)

TREE = Path(__file__).resolve().parents[3]
UNCHANGED = (
    *("address", "api", "certificates", "dual", "http", "memory", "network", "page", "panic"),
    *("smoke", "static", "webrepl", "websocket"),
)
FILES = ("test_smoke.py", "limits/test_slots.py", "limits/test_files.py", "webrepl/test_files.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree with a few suites."""
    for name in FILES:
        path = tmp_path / "scenarios" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "scenarios" / "limits" / "helpers.py").touch()
    (tmp_path / "scenarios" / "conftest.py").touch()
    return tmp_path


def test_all(tree: Path) -> None:
    """Files and folders of tests have names, and nothing else does."""
    names = ["limits", "limits/files", "limits/slots", "smoke", "webrepl", "webrepl/files"]
    assert list(suites(tree)) == names
    assert suite_paths(tree, []) == [str(tree / "scenarios")]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("smoke", "test_smoke.py"),
        ("limits", "limits"),
        ("limits/slots", "limits/test_slots.py"),
        ("slots", "limits/test_slots.py"),
        ("slots::test_x[a::b]", "limits/test_slots.py::test_x[a::b]"),
    ],
)
def test_one(name: str, path: str, tree: Path) -> None:
    """Each name leads to its path; a test's name is kept after it."""
    assert suite_paths(tree, [name]) == [str(tree / "scenarios" / path)]


@pytest.mark.parametrize("name", ["duel", "limits/test_slots", "conftest"])
def test_unknown(name: str, tree: Path) -> None:
    """For an unknown name, the message lists all names."""
    with pytest.raises(EspbenchError) as error:
        suite_paths(tree, [name])
    assert str(error.value) == (
        f"There is no suite {name!r}: choose from limits, limits/files, limits/slots, smoke, "
        "webrepl, webrepl/files, or give a path."
    )


def test_ambiguous(tree: Path) -> None:
    """For an ambiguous name, the message lists the candidates."""
    with pytest.raises(EspbenchError) as error:
        suite_paths(tree, ["files"])
    assert str(error.value) == (
        "Several suites are called 'files': choose from limits/files, webrepl/files."
    )


def test_paths(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is relative to the current folder."""
    monkeypatch.chdir(tree / "scenarios")
    path = tree / "scenarios" / "limits" / "test_slots.py"
    assert suite_paths(tree, ["limits/test_slots.py::test_x"]) == [f"{path}::test_x"]


@pytest.mark.parametrize("name", UNCHANGED)
def test_unchanged(name: str) -> None:
    """These names from before suites were in folders still work."""
    assert suite_paths(TREE, [name])
    assert renamed([name]) == []


@pytest.mark.parametrize("old", RENAMED)
def test_renamed(old: str) -> None:
    """A former name leads to an existing suite, and the message says which."""
    (path,) = suite_paths(TREE, [old])
    assert path == str(suites(TREE)[RENAMED[old]])
    assert renamed([old, f"{old}::test_x", "smoke"]) == [
        f"The suite {old} is now {RENAMED[old]}; the old name will be removed after 0.1."
    ]


@pytest.mark.parametrize("old", TESTS_OF_THE_HARNESS)
def test_of_the_harness(old: str) -> None:
    """A former suite that tests the harness is rejected, and the message says where it is."""
    with pytest.raises(EspbenchError, match=r"run pytest harness/tests/.*\.py\.$") as error:
        suite_paths(TREE, [old])
    path = str(error.value).rpartition(" ")[2].rstrip(".")
    assert (TREE / path).is_file()


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("scenarios/test_smoke.py::test_boots", "smoke"),
        ("scenarios/limits/test_slots.py::T::test_x[scenarios/a]", "limits/slots"),
        (".venv/espbench/_tree/scenarios/limits/test_slots.py", "limits/slots"),
        ("tests/device/test_own.py::test_x", "own"),
    ],
)
def test_name_of_a_test(nodeid: str, name: str) -> None:
    """A test's suite has the name for the command line; elsewhere, the file's name."""
    assert suite_of(nodeid) == name


def test_about() -> None:
    """Each suite of the tree has a one-line description."""
    found = {name: about(path) for name, path in suites(TREE).items()}
    assert all(found.values()), found
