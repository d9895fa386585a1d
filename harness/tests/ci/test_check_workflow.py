# SPDX-License-Identifier: MIT
"""ci/espbench.yml, the workflow for ESP32 firmware: its shell steps work in a project.

ESP-IDF is a stand-in: its idf.py hands out a small web server for `lx60` as the merged image.
apt-get only logs its arguments, and pip installs this tree's wheel.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import planted
import pytest
import workflow
from ci_project import complete, machine
from espbench.cli import main as cli
from espbench.firmware.idf_env import NEWEST, OLDEST
from installed import TREE, Installed

TEMPLATE = TREE / "ci" / "espbench.yml"
CHECK = "Check the firmware"
SOME = "--only boot.comes_up --only http.head"
"""A few checks, instead of all."""
CMAKE = "include($ENV{IDF_PATH}/tools/cmake/project.cmake)\nproject(app)\n"
IDF = """#!/bin/sh
[ "$*" = "-D IDF_TARGET=esp32 merge-bin" ] || { echo "idf.py $*"; exit 1; }
mkdir -p build && cp "$STAND_IN" build/merged-binary.bin
"""
EXPORT = 'export PATH="$IDF_PATH/tools:$PATH"\n'


class Runner:
    """A runner in Espressif's container, with an ESP-IDF project into which `espbench ci` wrote."""

    def __init__(self, folder: Path, installed: Installed) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "CMakeLists.txt").write_text(CMAKE)
        assert cli.main(["ci", str(self.project)]) == 0
        self.data = workflow.read(self.project / ".github" / "workflows" / "espbench.yml")
        idf = folder / "idf"
        (idf / "tools").mkdir(parents=True)
        (idf / "export.sh").write_text(EXPORT)
        (idf / "tools" / "idf.py").write_text(IDF)
        (idf / "tools" / "idf.py").chmod(0o755)
        self.apt = folder / "apt.log"
        self.summary = folder / "summary.md"
        self.results = self.project / self.data["env"]["RESULTS"]
        self._environment = folder / "temp" / "espbench"
        self._installed = installed
        (folder / "home").mkdir()
        self._variables = {
            **machine(folder, installed),
            **self.data["env"],
            "ESPBENCH": str(installed.wheel),
            "OPTIONS": SOME,
            "IDF_PATH": str(idf),
            "HOME": str(folder / "home"),
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }

    def baseline(self) -> None:
        """Write the baseline of the server without a fault, as `espbench ci` says."""
        image = self.project / self.data["env"]["FIRMWARE"]
        image.parent.mkdir()
        shutil.copy(planted.firmware(), image)
        command = ["espbench", "check", self.data["env"]["FIRMWARE"], *SOME.split()]
        command += ["--baseline", self.data["env"]["BASELINE"], "--update"]
        subprocess.run(command, cwd=self.project, env=self._installed.variables(), check=True)

    def run(self, fault: str = planted.GOOD, **more: str) -> workflow.Outcome:
        """Run all shell steps on a firmware with this fault."""
        steps = workflow.shell_steps(self.data, "espbench")
        variables = {**self._variables, "STAND_IN": str(planted.firmware(fault)), **more}
        return workflow.run(steps, self.project, variables, self._after)

    def _after(self, step: str) -> None:
        if step == "Install espbench":
            complete(self._environment)

    def uploads(self, name: str) -> Path:
        """Return the path that an upload step uploads."""
        (step,) = (s for s in self.data["jobs"]["espbench"]["steps"] if s.get("name") == name)
        named: str = step["with"]["path"].replace("${{ env.RESULTS }}", str(self.results))
        return self.project / named


@pytest.fixture
def runner(tmp_path: Path, installed: Installed) -> Runner:
    """Return a runner in a new project."""
    return Runner(tmp_path, installed)


def test_firmware_that_passes(runner: Runner) -> None:
    """Every step passes, and the summary says that the gate passed."""
    runner.baseline()
    outcome = runner.run()
    assert outcome.failed == [], outcome.said
    assert not runner.apt.exists(), "this machine's Python is new enough"
    text = runner.summary.read_text()
    assert "Gate passed: no new failure, no worse figure." in text
    assert "time from power-on until ready" in text
    assert runner.uploads("Keep the summary for a comment").read_text() == text


def test_firmware_that_fails(runner: Runner) -> None:
    """A new failure fails the gate; summary, JUnit XML, report and evidence show it."""
    runner.baseline()
    outcome = runner.run("head_has_body")
    assert outcome.failed == [CHECK], outcome.said
    text = runner.summary.read_text()
    assert "Gate failed: " in text
    assert "http.head" in text
    left = runner.uploads("Keep the report and evidence")
    assert 'failures="0"' not in (left / "check.xml").read_text().split(">")[1]
    assert (left / "report.html").is_file()
    assert list(left.glob("evidence/*/net.pcap"))


def test_known_failures(runner: Runner) -> None:
    """With --update, what fails becomes known, and the gate passes again."""
    outcome = runner.run("head_has_body", OPTIONS=f"{SOME} --update")
    assert outcome.failed == [], outcome.said
    outcome = runner.run("head_has_body")
    assert outcome.failed == [], outcome.said
    text = runner.summary.read_text()
    assert re.search(r"### 3 checks: [1-9]\d* known, [^\n]*Gate passed: no new failure", text)


def test_without_a_baseline(runner: Runner) -> None:
    """Without a baseline, one sentence says how to write it, and the summary points at the log."""
    outcome = runner.run()
    assert outcome.failed == [CHECK], outcome.said
    assert outcome.said[CHECK].splitlines()[-1] == (
        "espbench: The baseline ci/check.toml cannot be read (No such file or directory): write it "
        "with --update."
    )
    assert runner.summary.read_text() == "### The firmware was not checked: see the log.\n"


def test_what_a_build_may_be(runner: Runner) -> None:
    """BUILD is shell code with quotes, and a Makefile does not get it as its variable BUILD."""
    runner.baseline()
    makefile = "BUILD ?= build\nall:\n\tidf.py -D IDF_TARGET=esp32 merge-bin && ls $(BUILD)\n"
    (runner.project / "Makefile").write_text(makefile)
    outcome = runner.run(BUILD="test 'a b' = 'a b' && make all")
    assert outcome.failed == [], outcome.said
    assert "merged-binary.bin" in outcome.said["Build the firmware"]


def test_a_build_that_fails(runner: Runner) -> None:
    """Nothing is checked if the build fails."""
    outcome = runner.run(BUILD="idf.py flash")
    assert outcome.failed == ["Build the firmware"], outcome.said
    assert CHECK not in outcome.said


def test_an_old_python(runner: Runner, tmp_path: Path) -> None:
    """In an image whose Python is too old, Python 3.11 is installed and used."""
    runner.baseline()
    programs = tmp_path / "bin"
    (programs / "python3").rename(programs / "python3.11")
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)
    outcome = runner.run()
    assert outcome.failed == [], outcome.said
    assert "python3.11-venv" in runner.apt.read_text()


def test_it_is_valid_and_safe(runner: Runner, tmp_path: Path) -> None:
    """It conforms to its schema, only reads, and expands no expression in a shell script."""
    assert workflow.valid(TEMPLATE, "vendor.github-workflows")
    assert workflow.valid(
        runner.project / ".github/workflows/espbench.yml", "vendor.github-workflows"
    )
    broken = tmp_path / "broken.yml"
    broken.write_text(TEMPLATE.read_text().replace("runs-on:", "runs_on:"))
    assert not workflow.valid(broken, "vendor.github-workflows")
    data = workflow.read(TEMPLATE)
    assert data["permissions"] == {"contents": "read"}
    job = data["jobs"]["espbench"]
    for step in job["steps"]:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
    assert re.search(r"@v?\d+\.\d+\.\d+$", data["env"]["ESPBENCH"])
    match = re.fullmatch(r"espressif/idf:v(\d+)\.(\d+)\.\d+", job["container"])
    assert match is not None
    assert OLDEST <= (int(match[1]), int(match[2])) <= NEWEST
