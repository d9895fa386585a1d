# SPDX-License-Identifier: MIT
"""Shards run every test once, take equally long, and bad ones have clear error messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.builtin import BOARDS
from espbench.cli import main as cli
from espbench.errors import ConfigError
from espbench.reporting.model import Plan
from espbench.reporting.results import Results
from espbench.reporting.runner import DURATIONS, complaint, execute, known_durations
from espbench.suites.sharding import Shard, parse, read_durations
from inner_pytest import inner_pytest
from pytest_split.algorithms import DurationBasedChunksAlgorithm
from rich.console import Console

TREE = Path(__file__).resolve().parents[3]
MODULES = {"test_a.py": 7, "test_b.py": 12, "test_c.py": 5}
"""Tests in each module; the recorded duration of the n-th is n seconds."""


def test_parse() -> None:
    """A shard consists of its number and the number of shards."""
    assert parse("2/8") == Shard(2, 8)
    assert str(parse("1/1")) == "1/1"


@pytest.mark.parametrize("text", ["x", "", "/", "2", "2/", "/8", "-1/8", "1.5/8", "2/8/9", "²/8"])
def test_not_a_shard(text: str) -> None:
    """For a text that is not I/N, the message explains the notation."""
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert str(error.value) == (
        f"--shard {text!r} is not of the form I/N: write 2/8 for the second of eight parts."
    )


@pytest.mark.parametrize(("text", "count"), [("9/8", 8), ("0/8", 8), ("1/0", 0)])
def test_shard_out_of_range(text: str, count: int) -> None:
    """For a part that does not exist, the message has the range."""
    with pytest.raises(ConfigError) as error:
        parse(text)
    assert str(error.value) == (
        f"--shard {text} does not exist: use a first number from 1 to {count}."
    )


def test_command_with_a_bad_shard(capsys: pytest.CaptureFixture[str]) -> None:
    """`espbench run` rejects it before it builds anything."""
    assert cli.main(["run", "--shard", "9/8"]) == 1
    assert capsys.readouterr().err == (
        "espbench: --shard 9/8 does not exist: use a first number from 1 to 8.\n"
    )


def test_command_with_bad_durations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of durations that is missing or invalid is an error."""
    path = tmp_path / "durations.json"
    assert cli.main(["run", "--shard", "1/2", "--durations", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"espbench: The durations {path} cannot be read (")
    for text in ("{", "[]", '{"test": "long"}', '{"test": -1}'):
        path.write_text(text)
        assert cli.main(["run", "--shard", "1/2", "--durations", str(path)]) == 1
        assert capsys.readouterr().err == (
            f"espbench: {path} does not contain durations of tests: give --durations a file that "
            "`espbench run` has recorded.\n"
        )


def test_shard_without_scenarios() -> None:
    """A shard without scenarios fails; a shard whose scenarios were all skipped does not."""
    assert complaint(5, Results(), Path(), Shard(7, 8)) == (
        "Shard 7/8 has no scenarios: there are fewer scenarios than shards."
    )
    assert complaint(0, Results(), Path(), Shard(7, 8)) == ""


# ------------------------------------------------------------- pytest's option

Inner = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def inner(tmp_path: Path) -> Inner:
    """Return a function that runs pytest on modules whose tests log that they ran."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    durations: dict[str, float] = {}
    for module, count in MODULES.items():
        (tmp_path / module).write_text(
            "import os, pathlib, pytest\n"
            f"@pytest.mark.parametrize('number', range(1, {count + 1}))\n"
            "def test_it(number, request):\n"
            "    log = os.open('log', os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
            "    os.write(log, request.node.nodeid.encode() + b'\\n')\n"
        )
        durations |= {f"{module}::test_it[{n}]": float(n) for n in range(1, count + 1)}
    (tmp_path / "recorded.json").write_text(json.dumps(durations))

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:labgrid"]
        return subprocess.run(
            [*command, "-p", "no:pytest_embedded", *options],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def shards(inner: Inner, folder: Path, count: int, *options: str) -> list[list[str]]:
    """Return the tests that each of `count` shards ran."""
    parts = []
    for index in range(1, count + 1):
        (folder / "log").unlink(missing_ok=True)
        result = inner(
            f"--espbench-shard={index}/{count}", "--durations-path=recorded.json", *options
        )
        assert result.returncode == 0, result.stdout + result.stderr
        parts.append((folder / "log").read_text().split())
    return parts


@pytest.mark.parametrize(
    "options", [(), ("-n", "2", "--dist", "worksteal")], ids=["alone", "xdist"]
)
def test_each_test_runs_once(inner: Inner, tmp_path: Path, options: tuple[str, ...]) -> None:
    """The shards together run every test exactly once, under pytest-xdist too."""
    durations = json.loads((tmp_path / "recorded.json").read_text())
    parts = shards(inner, tmp_path, 3, *options)
    assert sorted(nodeid for part in parts for nodeid in part) == sorted(durations)

    seconds = [sum(durations[nodeid] for nodeid in part) for part in parts]
    assert max(seconds) - sum(seconds) / 3 < max(durations.values())  # at most one test more
    pieces = sum(len({nodeid.partition("::")[0] for nodeid in part}) for part in parts)
    assert pieces <= len(MODULES) + 2, "a module is cut only where a shard ends"


def test_shard_without_pytest_split(inner: Inner) -> None:
    """Without the plugin, each shard would run all tests, so that is rejected."""
    result = inner("--espbench-shard=1/2", "-p", "no:pytest-split")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert result.stderr.strip().splitlines()[-1] == (
        "ERROR: --espbench-shard 1/2 needs the plugin pytest-split, which is not loaded: "
        "pip install pytest-split, and do not disable it with -p."
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--espbench-shard=9/8",),
            "--espbench-shard 9/8 does not exist: use a first number from 1 to 8.",
        ),
        (
            ("--espbench-shard=x",),
            "--espbench-shard 'x' is not of the form I/N: write 2/8 for the second of eight parts.",
        ),
        (
            ("--espbench-shard=1/2", "--splits=3", "--group=1"),
            "--espbench-shard 1/2 contradicts --splits or --group: remove these options.",
        ),
    ],
)
def test_bad_option(inner: Inner, options: tuple[str, ...], said: str) -> None:
    """A bad shard is a usage error of pytest, and nothing runs."""
    result = inner(*options)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert result.stderr.strip().splitlines()[-1] == f"ERROR: {said}"
    assert "passed" not in result.stdout


# ---------------------------------------------------------------- espbench run


def test_run_records_durations(
    tmp_path: Path, tiny_firmware: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`espbench run` records durations for later shards, and does not change its input."""
    suite = tmp_path / "test_suite.py"
    suite.write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('number', range(6))\n"
        "def test_it(number):\n    pass\n"
    )
    firmware = tiny_firmware()
    monkeypatch.chdir(tmp_path)

    def run(name: str, shard: str | None, durations: Path | None) -> tuple[set[str], Path]:
        plan = Plan(
            board=BOARDS["lx60"],
            firmware=firmware,
            suites=[str(suite)],
            out=tmp_path / name,
            jobs="0",
            shard=parse(shard) if shard else None,
            durations=durations,
        )
        outcome = execute(plan, firmware, Console(file=(tmp_path / "said").open("w")))
        assert outcome.good, outcome.complaint
        assert outcome.selected
        return set(outcome.results.cases), plan.out / DURATIONS

    everything, recorded = run("all", None, None)
    durations = json.loads(read_durations(recorded))
    assert everything <= set(durations)
    heavy, *light = sorted(everything)
    uneven = tmp_path / "uneven.json"
    uneven.write_text(json.dumps({heavy: 10.0, **dict.fromkeys(light, 1.0)}))
    before = uneven.read_text()
    first, changed = run("first", "1/2", uneven)
    second, _ = run("second", "2/2", uneven)
    assert (first, second) == ({heavy}, set(light))
    assert uneven.read_text() == before, "it also determines the other shards"
    assert json.loads(changed.read_text())[heavy] < 10, "the new duration is recorded"


RENEW = "renew them: espbench run --jobs 1 && cp build/run/durations.json ci/durations-lx60.json"


@dataclass(frozen=True)
class Item:
    """The part of a pytest item that pytest-split uses."""

    nodeid: str


def test_committed_durations() -> None:
    """The tree's own durations match the existing scenarios, and balance eight shards."""
    plan = Plan(board=BOARDS["lx60"], firmware=None, suites=[], out=Path())
    durations = json.loads(known_durations(plan, TREE))
    assert list(durations) == sorted(durations), "sorted, for readable diffs"
    listed = inner_pytest(TREE, "--collect-only", "-q", "--espbench-board", "lx60", "scenarios")
    scenarios = [line for line in listed.splitlines() if line.startswith("scenarios/")]
    stale = sorted(set(durations) - set(scenarios))
    assert not stale, f"durations of scenarios that are gone, {RENEW}"
    suites = {nodeid.partition("::")[0] for nodeid in scenarios}
    assert suites == {nodeid.partition("::")[0] for nodeid in durations}, f"a new suite, {RENEW}"
    # pytest-split gives new tests the mean duration, so a few do no harm.
    assert len(durations) >= 0.95 * len(scenarios), f"many new scenarios, {RENEW}"
    items: list[Any] = [Item(each) for each in scenarios]
    parts = [part.duration for part in DurationBasedChunksAlgorithm()(8, items, durations)]
    assert max(parts) / (sum(parts) / 8) <= 1.25, parts
