# SPDX-License-Identifier: MIT
"""ci/espbench.gitlab-ci.yml: its job works in a project with its own firmware."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import workflow
from ci_project import FAILING, Project, readme
from installed import TREE, Installed

TEMPLATE = TREE / "ci" / "espbench.gitlab-ci.yml"
JOB: dict[str, Any] = workflow.read(TEMPLATE)["espbench"]
LX60 = {
    "BOARD": "lx60",
    "BUILD": "make",
    "FIRMWARE": "build/firmware.elf",
    "READY_CONSOLE": "^server up",
    "PACKAGES": "make gcc-xtensa-lx106 qemu-system-misc",
    "BASELINE": "",
    "OPTIONS": "--only boot",
}
"""Variables of each test: the firmware serves nothing, so there is nothing else to check."""


class Job:
    """The job in a project with a baseline."""

    def __init__(self, folder: Path, installed: Installed) -> None:
        self.project = Project(folder, installed)
        self.project.baseline()
        self.results = self.project.folder / JOB["variables"]["RESULTS"]
        self._home = folder / "ci-home"
        self._home.mkdir()
        self._variables = {
            **self.project.variables,
            **JOB["variables"],
            "ESPBENCH": str(installed.wheel),
            "HOME": str(self._home),
            **LX60,
            "ESPBENCH_TIMEOUT_SCALE": "0.5",
        }

    def run(self, **variables: str) -> tuple[int, str]:
        """Run before_script and script; return the exit status and the output."""
        known = {**self._variables, **variables}
        path = self._home / "path"
        done = self._shell([*JOB["before_script"], f'echo "$PATH" > "{path}"'], known)
        assert done.returncode == 0, done.stdout
        self.project.complete(self._home / "espbench")
        done = self._shell(JOB["script"], {**known, "PATH": path.read_text().strip()})
        return done.returncode, done.stdout

    def _shell(self, lines: list[str], known: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=self.project.folder,
            env=known,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture
def job(tmp_path: Path, installed: Installed) -> Job:
    """Return a job in a new project."""
    return Job(tmp_path, installed)


def test_firmware_that_passes(job: Job) -> None:
    """Checks and gate pass, and both write JUnit XML where the job collects it."""
    status, text = job.run(GATE_BASELINE="ci/baseline-lx60.json")
    assert status == 0, text
    assert re.search(r"^2 checks: 1 observed, 1 not applicable\.$", text, re.M)
    assert "qemu-system-misc" in job.project.apt.read_text()
    assert "The gate for lx60 is open" in (job.results / "gate.md").read_text()
    (folder,) = JOB["artifacts"]["paths"]
    assert job.project.folder / folder == job.results
    junit = JOB["artifacts"]["reports"]["junit"]
    found = {path.name for path in job.project.folder.glob(junit)}
    assert found == {"check.xml", "gate.xml"}


def test_without_a_baseline(job: Job) -> None:
    """Without a baseline, the gate is skipped, and every failure of a check counts."""
    status, text = job.run(PORTS="https=443", OPTIONS="--only tls.serves")
    assert status == 1, text
    assert "nothing listens on port 443" in (job.results / "summary.md").read_text()
    assert not (job.results / "gate.xml").exists()


def test_a_build_with_esp_idf(job: Job, tmp_path: Path) -> None:
    """The build runs in ESP-IDF's environment, which the other commands do not see."""
    export = "export ONLY_HERE=1\nidf() { make && cp build/firmware.elf build/idf.elf; }\n"
    (tmp_path / "export.sh").write_text(export)
    build = 'idf && test "a  b" = "$(printf "a  b")"'  # a shell reads it, with its quotes
    status, text = job.run(BUILD=build, IDF_PATH=str(tmp_path), FIRMWARE="build/idf.elf")
    assert status == 0, text


def test_failing_test(job: Job) -> None:
    """A failing test fails the job, after the gate has run."""
    (job.project.folder / "test_mine.py").write_text(FAILING)
    status, text = job.run(TESTS="test_mine.py", GATE_BASELINE="ci/baseline-lx60.json")
    assert status == 1, text
    assert "1 failed" in text
    assert "is open" in (job.results / "gate.md").read_text()


def test_larger_image(job: Job) -> None:
    """A larger image fails the job."""
    job.project.rebuild()
    status, text = job.run(EXTRA="9000", GATE_BASELINE="ci/baseline-lx60.json")
    assert status == 1, text
    assert "is closed: 1 of 4 figures got worse." in (job.results / "gate.md").read_text()


def test_build_that_fails(job: Job) -> None:
    """No test runs if the build fails."""
    status, text = job.run(BUILD="false")
    assert status == 1
    assert "checks:" not in text


def test_it_is_documented() -> None:
    """The example in ci/README.md sets only existing variables."""
    section = readme().split("\n## The GitLab job\n")[1].split("\n## ")[0]
    (example,) = re.findall(r"```yaml\n(.*?)```", section, re.S)
    assert set(re.findall(r"^    ([A-Z_]+):", example, re.M)) <= JOB["variables"].keys()
    assert TEMPLATE.name in example
    comment = "".join(re.findall(r"^    # (.*)$", TEMPLATE.read_text(), re.M))
    assert "OWNER" in comment
    assert re.search(r"@v\d+\.\d+\.\d+$", JOB["variables"]["ESPBENCH"])
