# SPDX-License-Identifier: MIT
"""A run on all boards compares those that it tested, and fails for unexplained differences."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.errors import ConfigError
from espbench.firmware import build
from espbench.reporting.all_boards import boards as here
from espbench.reporting.all_boards import command, sessions
from espbench.reporting.all_boards.sessions import Plan
from espbench.reporting.parity.expected import TABLE
from rich.console import Console

TEXT = """
[[difference]]
scenario = "harness/tests/perf/test_regressions.py::*"
boards = { lx60 = "passed", esp32 = "skipped: needs board *" }
why = "Only lx60 counts."
"""
FOLDERS = {"test_line": "harness.tests", "test_regressions": "harness.tests.perf"}
"""Modules outside scenarios/: one that runs with the first board only, one with each board."""
TABLES = (TABLE, command.OWN_TABLE)
GATE = {"lx60": "passed", "esp32": "skipped: needs board lx60"}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a tree whose table explains that gates need lx60."""
    monkeypatch.chdir(tmp_path)
    for table, text in zip(TABLES, ("", TEXT), strict=True):
        (tmp_path / table).parent.mkdir(parents=True)
        (tmp_path / table).write_text(text)
    return tmp_path


Make = Callable[..., tuple[int, str]]


@pytest.fixture
def make(tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Make:
    """Return a function that tests boards with a fake pytest, and returns status and output.

    Each board has an exit status and its cases, which map names to "passed", or to "failed" or
    "skipped: why"; None writes no file.
    """

    def run(
        boards: dict[str, tuple[int, dict[str, str] | None]], *arguments: str
    ) -> tuple[int, str]:
        monkeypatch.setenv("ESPBENCH_BOARDS", ",".join(boards))
        monkeypatch.setattr(here, "absence", lambda _board, _root: "")
        monkeypatch.setattr(build, "build", lambda _board, **_: None)

        def pytest_run(words: list[str], _root: Path) -> int:
            status, cases = boards[words[words.index("--espbench-board") + 1]]
            (xml,) = (a.partition("=")[2] for a in words if a.startswith("--junitxml="))
            if cases is not None:
                (tree / xml).parent.mkdir(parents=True, exist_ok=True)
                (tree / xml).write_text(junit(cases))
            return status

        monkeypatch.setattr(sessions, "run", pytest_run)
        plan = Plan(tree, tree / "build" / "test", pytest=arguments, own_tests=True)
        status = command.run(plan, Console(width=144))
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def junit(cases: dict[str, str]) -> str:
    """Return pytest's JUnit XML for these cases, with names such as test_http.test_x."""
    made = []
    for name, outcome in cases.items():
        module, _, test = name.partition(".")
        folder = FOLDERS.get(module, "scenarios")
        kind, _, why = outcome.partition(": ")
        tag = {"passed": "", "failed": "failure", "skipped": "skipped"}[kind]
        inside = f'<{tag} message="{why}"/>' if tag else ""
        made.append(f'<testcase classname="{folder}.{module}" name="{test}">{inside}</testcase>')
    return f"<testsuite>{''.join(made)}</testsuite>"


def parity(output: str) -> list[str]:
    """Return the last lines about parity."""
    start = "espbench: parity: "
    return [line.removeprefix(start) for line in output.splitlines() if line.startswith(start)]


def test_parity(make: Make, tree: Path) -> None:
    """Boards with only the table's differences are alike; the page has both."""
    boards = {
        name: (0, {"test_http.test_a": "passed", "test_regressions.test_g": outcome})
        for name, outcome in GATE.items()
    }
    boards["lx60"][1]["test_line.test_of_no_board"] = "passed"
    status, output = make(boards)
    assert status == 0, output
    assert parity(output) == [
        "lx60 and esp32: alike: 1 (1 passed); different: 1 (1 explained, 0 unexplained); stale in "
        "the table: 0."
    ]
    left = tree / "build" / "test" / "parity-lx60-esp32"
    assert json.loads((left / "parity.json").read_text())["good"]
    assert "lx60 against esp32" in (left / "parity.html").read_text()


@pytest.mark.parametrize("status", [0, 1])
def test_unexplained(make: Make, status: int) -> None:
    """An unexplained row is shown and fails the run, even if every scenario passed."""
    cases = {"test_http.test_a": "passed", "test_regressions.test_g": GATE["esp32"]}
    lx60 = {**cases, "test_regressions.test_g": "passed"}
    other = {"test_http.test_b": "failed: boom" if status else "skipped: no Chromium"}
    boards = {
        "lx60": (0, {**lx60, "test_http.test_b": "passed"}),
        "esp32": (status, {**cases, **other}),
    }
    found, output = make(boards)
    assert found == 1
    row = next(line for line in output.splitlines() if "test_http.py::test_b" in line)
    assert "unexplained" in row
    assert "different: 2 (1 explained, 1 unexplained)" in parity(output)[0]


def test_stale(make: Make) -> None:
    """A stale explanation fails a run of all scenarios, but not one of some."""
    boards = {name: (0, {"test_http.test_a": "passed"}) for name in GATE}
    status, output = make(boards)
    assert status == 1
    assert parity(output)[0].endswith("stale in the table: 1.")
    assert make(boards, "-k", "test_a")[0] == 0


def test_each_other_board(make: Make) -> None:
    """The first board is compared with each other one."""
    boards = {name: (0, {"test_http.test_a": "passed"}) for name in ("esp32c3", "lx60", "esp32")}
    status, output = make(boards)
    assert status == 0, output
    assert [line.partition(":")[0] for line in parity(output)] == [
        "esp32c3 and lx60",
        "esp32c3 and esp32",
    ]


def test_one_board(make: Make, tree: Path) -> None:
    """A single board is not compared, and needs no table."""
    for table in TABLES:
        (tree / table).unlink()
    status, output = make({"lx60": (0, {"test_http.test_a": "passed"})})
    assert (status, parity(output)) == (0, [])


def test_some_scenarios(make: Make) -> None:
    """In a run of some scenarios, common ones are compared, and the others counted."""
    boards = {
        "lx60": (0, {"test_http.test_a": "passed", "test_http.test_b": "passed"}),
        "esp32": (0, {"test_http.test_a": "passed"}),
    }
    status, output = make(boards, "--lf")
    assert status == 0, output
    assert parity(output) == [
        "lx60 and esp32: alike: 1 (1 passed); different: 0 (0 explained, 0 unexplained); stale in "
        "the table: 0. Scenarios that only one of the two had were ignored: 1."
    ]
    assert make(boards)[0] == 1


@pytest.mark.parametrize("cases", [
    {},
    {"test_http.test_a": "skipped: no Chromium"},
])  # fmt: skip
def test_no_scenario(make: Make, cases: dict[str, str]) -> None:
    """If -k selects no scenario that runs, nothing is compared, and nothing fails."""
    boards = {"lx60": (0, {**cases, "test_line.test_a": "passed"}), "esp32": (5, cases)}
    status, output = make(boards, "-k", "test_a")
    assert status == 0, output
    assert parity(output) == [
        "lx60 and esp32 were not compared: no scenario ran on either of them."
    ]


@pytest.mark.parametrize(("status", "cases"), [(2, {"test_http.test_a": "passed"}), (3, None)])
def test_incomplete_run(make: Make, status: int, cases: dict[str, str] | None) -> None:
    """An incomplete run is not compared, and an earlier run's file is not used."""
    whole = {"test_http.test_a": "passed", "test_http.test_b": "passed"}
    make({"lx60": (0, whole), "esp32": (0, whole)})
    found, output = make({"lx60": (0, whole), "esp32": (status, cases)})
    assert found == status
    assert parity(output) == [
        "lx60 and esp32 were not compared because the run was incomplete on esp32."
    ]


@pytest.mark.parametrize("name", TABLES, ids=str)
def test_bad_table(make: Make, tree: Path, name: Path) -> None:
    """A table that cannot be read is reported before an hour of tests."""
    table = tree / name
    table.write_text("[[")
    with pytest.raises(ConfigError) as caught:
        make({name: (0, {"test_http.test_a": "passed"}) for name in GATE})
    assert str(caught.value).startswith(f"{table} is not valid TOML (")
    assert not (tree / "build").exists()
