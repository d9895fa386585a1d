# SPDX-License-Identifier: MIT
"""`espbench parity`, from its command line to its exit status, on two real runs of tiny suites."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS, LX60
from espbench.cli import main as cli
from espbench.device.boot_phases import BootPhase
from espbench.errors import NotReady

TWIN = "lx60twin"
CONFTEST = f"""
from dataclasses import replace
from espbench.boards.builtin import BOARDS, LX60
BOARDS["{TWIN}"] = replace(LX60, name="{TWIN}")
"""
SUITE = """
import pytest
def test_says_ready(device):
    assert "ready" in device.console.text
def test_says_hello(device):
    assert "hello" in device.console.text, "it does not say hello"
@pytest.mark.boards("lx60")
def test_one_board_only():
    pass
@pytest.mark.boards("esp32")
def test_neither_board():
    pass
"""
EXPLAINED = f"""
[[difference]]
scenario = "test_tiny.py::test_says_hello"
boards = {{ lx60 = "passed", {TWIN} = "failed: AssertionError: it does not say hello*" }}
why = "The twin's firmware is rude on purpose."
[[difference]]
scenario = "*::test_one_board_only"
boards = {{ lx60 = "passed", {TWIN} = "skipped: needs board lx60" }}
why = "The suite is marked for one board."
"""
STALE = f"""
[[difference]]
scenario = "*::test_says_ready"
boards = {{ lx60 = "passed", {TWIN} = "failed" }}
why = "The twin used to be slow."
"""


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a second board that works everywhere: `lx60` under another name."""
    monkeypatch.setitem(BOARDS, TWIN, replace(LX60, name=TWIN))


@pytest.fixture(autouse=True)
def boots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the boot for the chart, because the tiny firmware never answers over HTTPS."""
    monkeypatch.setattr(
        "espbench.perf.figures.boot", lambda *_: (BootPhase(1.5, "ready", "serving"),)
    )


def table(folder: Path, text: str) -> str:
    """Write a table's file and return its path."""
    path = folder / "parity.toml"
    path.write_text(text)
    return str(path)


def test_two_runs(
    twin: None,
    tmp_path: Path,
    tiny_firmware: Callable[[bytes], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two firmwares that differ in one word give two rows, which fail until explained."""
    rude = tiny_firmware(b"ready\r\n").rename(tmp_path / "rude.elf")
    polite = tiny_firmware(b"hello\r\nready\r\n")
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "pytest.ini").write_text("[pytest]\n")
    (suite / "conftest.py").write_text(CONFTEST)
    (suite / "test_tiny.py").write_text(SUITE)
    out = tmp_path / "out"
    command = [
        "parity", str(suite / "test_tiny.py"), "--boards", f"lx60,{TWIN}", "--json", "--jobs", "2",
        "--firmware", f"lx60={polite}", "--firmware", f"{TWIN}={rude}",
        "--table", table(tmp_path, ""), "--out", str(out), "--",
        "--espbench-ready-console", "^ready",
    ]  # fmt: skip
    assert cli.main(command) == 1
    data = json.loads(capsys.readouterr().out)
    assert [row["scenario"].partition("::")[2] for row in data["rows"]] == [
        "test_says_hello",
        "test_one_board_only",
    ]
    assert [row["why"] for row in data["rows"]] == [None, None]
    assert data["rows"][0]["outcomes"][TWIN]["message"].startswith(
        "AssertionError: it does not say hello"
    )
    assert data["alike"] == {"passed": 1, "skipped": 1}
    page = (out / "parity.html").read_text()
    assert "lx60 against lx60twin" in page
    assert page.count("1,500.0 ms") == 2
    assert "**unexplained**" in (out / "parity.md").read_text()
    for board in ("lx60", TWIN):
        assert (out / board / "report.html").is_file()

    # Compare the same two runs again, from their files in both formats.
    for name in ("run.json", "junit.xml"):
        again = ["parity", "--boards", f"lx60,{TWIN}", "--out", str(tmp_path / "again")]
        again += [
            "--results",
            f"lx60={out}/lx60/{name}",
            "--results",
            f"{TWIN}={out}/{TWIN}/{name}",
        ]
        assert cli.main([*again, "--table", table(tmp_path, EXPLAINED)]) == 0
        said = capsys.readouterr().out
        assert "different: 2 (2 explained, 0 unexplained); stale in the table: 0." in said
        assert cli.main([*again, "--table", table(tmp_path, EXPLAINED + STALE), "--markdown"]) == 1
        said = capsys.readouterr().out
        assert "| `*::test_says_ready` | passed | failed | **no scenario differs like" in said


@pytest.mark.parametrize(("source", "complaint"), [
    ("def test_a():\n    assert 0", "No scenario passed on lx60 or lx60twin: fix that before "
     "comparing them."),
    ("import nothing_like_that", "The run on lx60 was incomplete: A suite could not be read."),
    ("", "The run on lx60 was incomplete: No scenario ran: "),
])  # fmt: skip
def test_alike_in_failing(
    twin: None,
    tmp_path: Path,
    tiny_firmware: Callable[[bytes], Path],
    capsys: pytest.CaptureFixture[str],
    source: str,
    complaint: str,
) -> None:
    """Two runs that are alike because nothing works do not count as parity."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_broken.py").write_text(source)
    firmware = tiny_firmware(b"ready\r\n")
    command = ["parity", str(tmp_path / "test_broken.py"), "--boards", f"lx60,{TWIN}"]
    command += ["--firmware", f"lx60={firmware}", "--firmware", f"{TWIN}={firmware}"]
    command += ["--jobs", "1", "--table", table(tmp_path, ""), "--out", str(tmp_path / "out")]
    assert cli.main(command) == 1
    assert f"espbench: {complaint}" in capsys.readouterr().err


def test_real_junit_of_pytest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JUnit XML of any pytest run can be compared."""
    for board, expected in (("lx60", "1"), ("esp32", "2")):
        (tmp_path / "test_some.py").write_text(
            "import pytest\n"
            "@pytest.mark.parametrize('x', ['a.b::c', '[]'])\n"
            f"def test_x(x):\n    assert x == '[]' or {expected} == 1\n"
            "@pytest.mark.xfail(reason='known')\ndef test_known():\n    assert 0\n"
        )
        junit = f"--junitxml={tmp_path}/{board}.xml"
        command = [sys.executable, "-m", "pytest", "-q", junit, "test_some.py"]
        subprocess.run(command, cwd=tmp_path, stdout=subprocess.DEVNULL, check=False)
    results = [f"--results={board}={tmp_path}/{board}.xml" for board in ("lx60", "esp32")]
    arguments = ["parity", *results, "--table", table(tmp_path, ""), "--out", str(tmp_path / "o")]
    assert cli.main([*arguments, "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [row["scenario"] for row in data["rows"]] == ["test_some.py::test_x[a.b::c]"]
    assert data["alike"] == {"passed": 1, "skipped": 1}


def test_boot_that_fails(
    twin: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tiny_firmware: Callable[[bytes], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A boot that cannot be measured is reported, and only its chart is missing."""

    def fails(*_: object) -> None:
        raise NotReady("It never listened.")

    monkeypatch.setattr("espbench.perf.figures.boot", fails)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_fine.py").write_text("def test_a():\n    pass\n")
    firmware = tiny_firmware(b"x")
    command = ["parity", str(tmp_path / "test_fine.py"), "--boards", f"lx60,{TWIN}"]
    command += ["--firmware", f"lx60={firmware}", "--firmware", f"{TWIN}={firmware}"]
    command += ["--jobs", "0", "--table", table(tmp_path, ""), "--out", str(tmp_path / "out")]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "The boot of lx60 could not be measured: It never listened." in said
    assert "svg" not in (tmp_path / "out" / "parity.html").read_text().partition("</style>")[2]


def test_missing_firmware(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing firmware is reported before anything runs."""
    command = ["parity", "--firmware", "lx60=/no/such.elf", "--out", str(tmp_path)]
    assert cli.main(command) == 1
    assert (
        capsys.readouterr().err
        == "espbench: The firmware /no/such.elf does not exist: check the path.\n"
    )
