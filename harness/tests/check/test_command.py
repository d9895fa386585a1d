# SPDX-License-Identifier: MIT
"""The command `espbench check`: its outputs, its exit status, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from espbench.check.check import Check, CheckFailed
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.cli.main import main
from espbench.device.device import Device
from espbench.qemu import launcher
from junitparser import JUnitXml

READY = ("--ready-console", "^ready", "--ready-timeout", "8")
NEVER = ("--ready-console", "^never", "--ready-timeout", "5")

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    tiny_firmware: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Return a function that checks a tiny firmware, which serves nothing."""

    def check(*options: str) -> tuple[int, str]:
        status = main(["check", str(tiny_firmware()), "--out", str(tmp_path / "out"), *options])
        said = capsys.readouterr()
        return status, said.out + said.err

    return check


def test_outputs(run: Run, tmp_path: Path) -> None:
    """The table, the report and each file that was asked for have the result."""
    junit, summary = tmp_path / "a" / "check.xml", tmp_path / "b" / "summary.md"
    status, said = run(*READY, "--only", "boot", "--junit", str(junit), "--markdown", str(summary))
    assert status == 0, said
    assert "found: no listening port" in said
    assert "comes_up" in said
    assert "2 checks: 1 observed, 1 not applicable." in said
    assert "espbench could not look into the firmware: " in said
    [suite] = JUnitXml.fromfile(str(junit))
    assert (suite.tests, suite.failures, suite.skipped) == (2, 0, 1)
    assert summary.read_text().startswith("### 2 checks: 1 observed, 1 not applicable.")
    assert "comes_up" in (tmp_path / "out" / "report.html").read_text()


def test_json(
    capsys: pytest.CaptureFixture[str], tiny_firmware: Callable[..., Path], tmp_path: Path
) -> None:
    """With --json, standard output is a JSON object."""
    options = ("--out", str(tmp_path), "--only", "boot.comes_up", "--json")
    assert main(["check", str(tiny_firmware()), *READY, *options]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["passed"] is True
    assert [each["id"] for each in data["results"]] == ["boot.comes_up"]


def test_failure(run: Run, tmp_path: Path) -> None:
    """A failure names its rule, the command that repeats it, and its evidence; it can be kept."""
    scenarios = tmp_path / "scenarios"
    status, said = run(*NEVER, "--write-scenario", str(scenarios))
    assert status == 1
    sentence = "The device did not print something that matches '^never'"
    assert f"boot.comes_up (robustness): {sentence}" in said
    assert "rerun: espbench check " in said
    assert "--ready-console '^never'" in said
    assert "--only boot.comes_up" in said
    evidence = tmp_path / "out" / "evidence" / "boot.comes_up"
    assert f"evidence: {evidence}" in said
    assert "ready" in (evidence / "console.txt").read_text()
    assert "run_check(name)" in (scenarios / "test_boot_comes_up.py").read_text()
    (line,) = [line for line in said.splitlines() if line.startswith("to run them: ")]
    assert line.startswith(f"to run them: pytest {scenarios} --espbench-firmware=")
    assert " --espbench-board=lx60 " in line
    assert "'--espbench-ready-console=^never'" in line


def test_baseline(run: Run, tmp_path: Path) -> None:
    """--update makes a failure known; once it has gone, the run says so."""
    baseline = tmp_path / "ci" / "check.toml"
    options = ("--only", "boot", "--baseline", str(baseline))
    status, said = run(*NEVER, *options)
    assert status == 1
    assert "write it with --update" in said
    assert run(*NEVER, *options, "--update")[0] == 0
    assert tomllib.loads(baseline.read_text())["known"][0]["check"] == "boot.comes_up"
    scenarios = tmp_path / "scenarios"
    status, said = run(*NEVER, *options, "--write-scenario", str(scenarios))
    assert status == 0, said
    assert not scenarios.exists()
    assert "1 known. Gate passed: no new failure, no worse figure." in said
    status, said = run(*READY, *options)
    assert status == 0
    assert "1 known failure gone (boot.comes_up): record this with --update." in said


def test_first_baseline_from_the_run(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed in a run becomes the baseline without another run, by the command it prints."""
    baseline, summary = tmp_path / "ci" / "check.toml", tmp_path / "summary.md"
    stored = tmp_path / "out" / "check.json"
    accept = ("--from", str(stored), "--baseline", str(baseline))
    status, said = run(*NEVER, "--only", "boot")
    assert status == 1
    assert f"to accept what failed: espbench check --from {stored} --baseline FILE --update" in said
    assert main(["check", *accept, "--update"]) == 0
    assert f"baseline written to {baseline}" in capsys.readouterr().out
    assert tomllib.loads(baseline.read_text())["known"][0]["check"] == "boot.comes_up"
    assert main(["check", *accept, "--markdown", str(summary)]) == 0
    assert "1 known. Gate passed: no new failure, no worse figure." in summary.read_text()
    status, said = run(*NEVER, "--only", "boot", "--baseline", str(baseline))
    assert status == 0, said
    assert "to accept" not in said


def test_no_baseline_from_an_interrupted_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stored result of an interrupted run never becomes a baseline."""
    stored, baseline = tmp_path / "check.json", tmp_path / "check.toml"
    result: dict[str, object] = {"board": "lx60", "firmware": "x.elf", "not_inspectable": None}
    result |= {"command": [], "versions": {}, "servers": [], "results": []}
    stored.write_text(json.dumps({**result, "interrupted": {"done": 0, "planned": 7}}))
    assert main(["check", "--from", str(stored), "--baseline", str(baseline), "--update"]) == 1
    assert f"The baseline {baseline} is unchanged" in capsys.readouterr().out
    assert not baseline.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(
    number: signal.Signals, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C and SIGTERM leave the results until then in each output, and the baseline as it is."""

    def fails(_: Subject) -> None:
        raise CheckFailed("It fails.")

    def interrupts(subject: Subject, signals: bool) -> None:
        if not signals:
            raise CheckFailed("This case fails, with evidence.")
        os.kill(os.getpid(), number)
        while subject.device.running:
            threading.Event().wait(0.02)

    def made(name: str, function: Callable[..., None], **more: Any) -> Check:
        return Check(name, "It works.", "RFC", Severity.ROBUSTNESS, "", function, **more)

    checks = [
        made("http.a", fails),
        made("http.b", interrupts, cases={"fails": False, "signals": True}),
        made("http.c", fails),
    ]
    monkeypatch.setattr("espbench.check.run.all_checks", lambda: checks)
    baseline, junit = tmp_path / "check.toml", tmp_path / "check.xml"
    baseline.write_text("# as it was\n")
    options = ("--baseline", str(baseline), "--update", "--junit", str(junit), "--jobs", "1")
    status, said = run(*READY, *options)
    assert status == 128 + number
    assert "│ http   │ a     │ failed (robustness) │ It fails." in said
    assert "Interrupted after 1 of 3 checks. 1 check: 1 failed." in said
    assert f"The baseline {baseline} is unchanged: only a complete run updates it." in said
    assert baseline.read_text() == "# as it was\n"
    [suite] = JUnitXml.fromfile(str(junit))
    assert (suite.tests, suite.failures, suite.errors) == (2, 1, 1)
    out = tmp_path / "out"
    assert "Interrupted after 1 of 3 checks." in (out / "report.html").read_text()
    assert sorted(each.name for each in (out / "evidence").iterdir()) == [".gitignore", "http.a"]
    assert launcher.live() == []


def test_interrupted_while_it_boots(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is interrupted before its first check says so."""

    def start(_device: Device, *, wait: bool = True) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Device, "start", start)
    status, said = run(*READY)
    assert status == 128 + signal.SIGTERM
    assert "Interrupted before the first check.\n" in said


def test_nothing_applies(run: Run) -> None:
    """A choice of checks of which none applies is refused, with the reason once."""
    status, said = run(*READY, "--only", "memory.heap")
    assert status == 1
    assert said.splitlines()[-1].startswith("espbench: memory.heap does not apply to this firmware")
    assert said.count("has been stripped of its symbols") == 1
    assert "apply;" not in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ("--only", "htpp"),
            "No check is named 'htpp' (did you mean http?): use a family (boot, http,",
        ),
        (("--jobs", "0"), "--jobs 0: run at least one device."),
        (("--update",), "--update needs the baseline to write: name it with --baseline."),
        (
            ("--from", "check.json", "--only", "tls"),
            "--from takes the results of a run that has ended, and boots nothing: omit "
            "--ready-console, --ready-timeout, --only, IMAGE.",
        ),
        (("--files", "nowhere"), "The folder nowhere does not exist: check --files."),
        (("--files", __file__), "is a file: name the folder that it is in with --files."),
        (("--firmware-elf", "no.elf"), "The ELF file no.elf does not exist"),
        (("--profile", "no.toml"), "no.toml cannot be read (No such file or directory)"),
        (("--ports", "ftp=21"), "--ports: 'ftp=21' is not SCHEME=PORT"),
        (("--board", "esp99"), "esp99"),
    ],
)
def test_refused(options: tuple[str, ...], sentence: str, run: Run) -> None:
    """What is wrong is one sentence, and nothing is left running."""
    status, said = run(*READY, *options)
    assert status == 1
    assert sentence in said
    assert said.splitlines()[-1].startswith("espbench: ")


def test_elf_of_another_firmware(
    run: Run, tmp_path: Path, tiny_firmware: Callable[..., Path]
) -> None:
    """An ELF file that was named and does not fit ends the command before its checks."""
    other = tmp_path / "other.elf"
    other.write_bytes(tiny_firmware(b"another firmware\r\n").read_bytes())
    status, said = run(*READY, "--firmware-elf", str(other))
    assert status == 2
    assert said.splitlines()[-1].startswith("espbench: other.elf ")
    assert "comes_up" not in said


def test_no_image(capsys: pytest.CaptureFixture[str]) -> None:
    """An image that does not exist is one sentence."""
    assert main(["check", "gone.bin"]) == 1
    assert "The firmware gone.bin cannot be read: No such file" in capsys.readouterr().err


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """--list has each check with what the device has to do."""
    assert main(["check", "--list"]) == 0
    assert "boot.comes_up                    It boots at the first" in capsys.readouterr().out
