# SPDX-License-Identifier: MIT
"""`espbench run --all-boards` passes its options on, and rejects those for a single board."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.cli.main import main
from espbench.firmware import source_tree
from espbench.reporting.all_boards import command
from espbench.reporting.all_boards.sessions import Plan

ROOT = source_tree.root()


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Return a list that collects the plans instead of running them."""
    made: list[Plan] = []

    def run(plan: Plan, _tables: object) -> int:
        made.append(plan)
        return 7

    monkeypatch.setattr(command, "run", run)
    return made


def test_options(plans: list[Plan], tmp_path: Path) -> None:
    """Suites, keywords, jobs and arguments after -- reach the run, and its status is returned."""
    assert main(["run", "--all-boards"]) == 7
    assert main(["run", "--all-boards", "--own-tests", "--", "--lf", "scenarios"]) == 7
    given = ["dual", "--jobs", "2", "-k", "ws", "--out", str(tmp_path)]
    assert main(["run", *given, "--all-boards", "--", "-x"]) == 7
    out = ROOT / "build" / "test"
    assert plans == [
        Plan(ROOT, out, [], []),
        Plan(ROOT, out, [], ["--lf", "scenarios"], own_tests=True),
        Plan(ROOT, tmp_path, ["dual"], ["-k", "ws", "-x"], jobs="2"),
    ]


@pytest.mark.parametrize(
    "option",
    [
        ("--board", "esp32"),
        ("--firmware", "x.elf"),
        ("--evidence", "always"),
        ("--shard", "1/2"),
        ("--durations", "x"),
        ("--history", "x"),
        ("--json",),
    ],
)
def test_options_for_one_board(
    option: tuple[str, ...], plans: list[Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    """An option for a single board is rejected, not ignored."""
    assert main(["run", "--all-boards", *option]) == 1
    assert capsys.readouterr().err == (
        f"espbench: --all-boards and {option[0]} cannot be combined: remove one of them.\n"
    )
    assert plans == []


def test_own_tests(
    plans: list[Plan], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--own-tests requires --all-boards and a clone."""
    assert main(["run", "--own-tests"]) == 1
    monkeypatch.setattr(source_tree, "clone", lambda: None)
    assert main(["run", "--all-boards", "--own-tests"]) == 1
    assert capsys.readouterr().err == (
        "espbench: --own-tests requires --all-boards: add it.\n"
        "espbench: --own-tests does not work in an installed espbench: run it in a clone.\n"
    )
    assert plans == []
