# SPDX-License-Identifier: MIT
"""action.yml: its shell steps work in a project with its own firmware."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import workflow
from ci_project import FAILING, Project, readme
from installed import TREE, Installed

ACTION: dict[str, Any] = workflow.read(TREE / "action.yml")
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
INPUTS = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
CHECK = "Check the firmware"
GATE = "Gate"
TESTS = "Run your tests"
LX60 = {
    "firmware": "build/firmware.elf",
    "board": "lx60",
    "ready-console": "^server up",
    "options": "--only boot",
}
"""Inputs of each test: the firmware serves nothing, so there is nothing else to check."""


class Job:
    """A job that uses the action in a project whose firmware has been built."""

    def __init__(self, folder: Path, installed: Installed) -> None:
        self.project = Project(folder, installed)
        self.project.baseline()
        self.summary = folder / "summary.md"
        self.results = self.project.folder / INPUTS["results"]
        self._environment = folder / "temp" / "espbench"
        self._variables = {
            **self.project.variables,
            # pip installs a wheel or a checked-out tree alike.
            "GITHUB_ACTION_PATH": str(installed.wheel),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "RUNNER_TEMP": str(folder / "temp"),
            "ESPBENCH_TIMEOUT_SCALE": "0.5",
        }

    def run(self, **inputs: str) -> workflow.Outcome:
        """Run the action's shell steps with these inputs."""
        given = LX60 | {name.replace("_", "-"): text for name, text in inputs.items()}
        assert given.keys() <= INPUTS.keys()
        return workflow.run(
            [step for step in STEPS if "run" in step],
            self.project.folder,
            self._variables,
            self._after,
            {**INPUTS, **given},
        )

    def _after(self, step: str) -> None:
        if step == "Install espbench":
            self.project.complete(self._environment)


@pytest.fixture
def job(tmp_path: Path, installed: Installed) -> Job:
    """Return a job in a new project."""
    return Job(tmp_path, installed)


def test_firmware_that_passes(job: Job) -> None:
    """Checks and gate pass, and the summary has both."""
    outcome = job.run(gate_baseline="ci/baseline-lx60.json")
    assert outcome.failed == [], outcome.said
    assert "qemu-system-misc" in job.project.apt.read_text()
    assert outcome.said[TESTS] == "The input tests is empty: no test runs.\n"
    text = job.summary.read_text()
    assert re.search(r"^### 2 checks: 1 observed, 1 not applicable\.$", text, re.M)
    assert "The gate for lx60 is open" in text
    assert (job.results / "summary.md").read_text() == text
    names = {path.name for path in job.results.iterdir()}
    assert names >= {"check.xml", "gate.xml", "report.html"}


def test_without_a_baseline(job: Job) -> None:
    """Without a baseline, the gate is skipped, and every failure of a check counts."""
    outcome = job.run(ports="https=443", options="--only tls.serves")
    assert outcome.failed == [CHECK], outcome.said
    assert outcome.said[GATE] == "The input gate-baseline is empty: the gate is skipped.\n"
    assert "nothing listens on port 443" in job.summary.read_text()


def test_known_failures(job: Job) -> None:
    """With the checks' baseline, what is known passes."""
    failing = {"ports": "https=443", "options": "--only tls.serves --update"}
    assert job.run(**failing, baseline="ci/check.toml").failed == []
    failing["options"] = "--only tls.serves"
    outcome = job.run(**failing, baseline="ci/check.toml")
    assert outcome.failed == [], outcome.said
    assert "1 known. Gate passed: no new failure, no worse figure." in job.summary.read_text()


def test_larger_image(job: Job) -> None:
    """A larger image fails only the gate."""
    job.project.rebuild()
    makefile = job.project.folder / "Makefile"
    makefile.write_text(makefile.read_text().replace("EXTRA:-16", "EXTRA:-9000"))
    workflow.run([{"name": "make", "run": "make"}], job.project.folder, job.project.variables)
    outcome = job.run(gate_baseline="ci/baseline-lx60.json")
    assert outcome.failed == [GATE], outcome.said
    assert "is closed: 1 of 4 figures got worse." in job.summary.read_text()


def test_failing_test(job: Job) -> None:
    """A failing test of the project leaves evidence, and the gate runs nevertheless."""
    (job.project.folder / "test_mine.py").write_text(FAILING)
    outcome = job.run(tests="test_mine.py", gate_baseline="ci/baseline-lx60.json", record="failed")
    assert outcome.failed == [TESTS], outcome.said
    assert "1 failed" in outcome.said[TESTS]
    assert list(job.results.glob("tests/*/console.txt"))
    assert list(job.results.glob("tests/*/recording.espbench"))
    assert (job.results / "tests.html").is_file()
    assert "is open" in job.summary.read_text()


def test_firmware_that_does_not_start(job: Job) -> None:
    """The job fails if the firmware is never ready."""
    outcome = job.run(ready_console="^never")
    assert outcome.failed == [CHECK], outcome.said
    assert "boot.comes_up" in job.summary.read_text()


@pytest.mark.parametrize(
    ("name", "step", "summary"),
    [
        ("baseline", CHECK, "### The firmware was not checked: see the log.\n"),
        ("gate_baseline", GATE, "### The gate did not run: see the log.\n"),
    ],
)
def test_missing_baseline(name: str, step: str, summary: str, job: Job) -> None:
    """A missing baseline is named, and the summary says what did not run."""
    outcome = job.run(**{name: "ci/gone.json"})
    assert outcome.failed == [step], outcome.said
    assert "The baseline ci/gone.json " in outcome.said[step]
    assert job.summary.read_text().endswith(summary)


def test_it_is_safe() -> None:
    """No expression is expanded in a shell script, and every action has a pinned version."""
    assert ACTION["runs"]["using"] == "composite"
    for step in STEPS:
        assert "${{" not in step.get("run", "")
        assert ("run" in step) == (step.get("shell") == "bash")
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))


def test_it_is_documented() -> None:
    """ci/README.md lists each input with its default, and uses only existing inputs."""
    section = readme().split("\n## The GitHub action\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|", section, re.M))
    assert rows == {
        name: "required" if each.get("required") else f"`{each['default']}`" * bool(each["default"])
        for name, each in ACTION["inputs"].items()
    }
    (example,) = re.findall(r"```yaml\n(.*?)```", section, re.S)
    used = re.search(r"uses: OWNER/espbench@v[\d.]+\n +with:\n((?: {10}.*\n)+)", example)
    assert used
    assert {line.split(":")[0].strip() for line in used[1].splitlines()} <= INPUTS.keys()
