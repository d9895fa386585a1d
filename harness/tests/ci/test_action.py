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
GATE = "Compare with the baseline"
TESTS = "Test the firmware"


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
        given = {"firmware": "build/firmware.elf", "ready-console": "^server up"}
        given |= {name.replace("_", "-"): text for name, text in inputs.items()}
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
    """The suite and the gate pass, and the summary says so."""
    outcome = job.run(baseline="ci/baseline-lx60.json")
    assert outcome.failed == [], outcome.said
    assert "qemu-system-misc" in job.project.apt.read_text()
    assert "2 passed" in outcome.said[TESTS]
    assert "The gate for lx60 is open" in job.summary.read_text()
    assert (job.results / "comment.md").read_text() == job.summary.read_text()
    assert {path.name for path in job.results.iterdir()} >= {
        "suites.xml",
        "gate.xml",
        "report.html",
    }


def test_without_a_baseline(job: Job) -> None:
    """Without a baseline, only the tests run, and no summary is written."""
    outcome = job.run()
    assert outcome.failed == [], outcome.said
    assert outcome.said[GATE] == "The input baseline is empty: the gate is skipped.\n"
    assert not job.summary.exists()


def test_larger_image(job: Job) -> None:
    """A larger image fails only the gate."""
    job.project.rebuild()
    makefile = job.project.folder / "Makefile"
    makefile.write_text(makefile.read_text().replace("EXTRA:-16", "EXTRA:-9000"))
    workflow.run([{"name": "make", "run": "make"}], job.project.folder, job.project.variables)
    outcome = job.run(baseline="ci/baseline-lx60.json")
    assert outcome.failed == [GATE], outcome.said
    assert "is closed: 1 of 4 figures got worse." in job.summary.read_text()


def test_failing_test(job: Job) -> None:
    """A failing test of the project leaves evidence, and the gate runs nevertheless."""
    (job.project.folder / "test_mine.py").write_text(FAILING)
    outcome = job.run(tests="test_mine.py", baseline="ci/baseline-lx60.json", record="failed")
    assert outcome.failed == [TESTS], outcome.said
    assert "1 failed, 2 passed" in outcome.said[TESTS]
    assert list(job.results.glob("evidence/*/console.txt"))
    assert list(job.results.glob("evidence/*/recording.espbench"))
    assert "is open" in job.summary.read_text()


def test_firmware_that_does_not_serve(job: Job) -> None:
    """The job fails if nothing answers on a port in the input `ports`."""
    outcome = job.run(ports="http=80")
    assert outcome.failed == [TESTS], outcome.said
    assert "1 failed" in outcome.said[TESTS]


def test_missing_baseline(job: Job) -> None:
    """A missing baseline is named, and the summary says that the gate was not reached."""
    outcome = job.run(baseline="ci/gone.json")
    assert outcome.failed == [GATE], outcome.said
    assert "The baseline ci/gone.json does not exist: " in outcome.said[GATE]
    assert job.summary.read_text() == "### The gate for lx60 did not run: see the log.\n"


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
