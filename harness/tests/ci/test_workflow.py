# SPDX-License-Identifier: MIT
"""ci/espbench-lx60.yml and the Dockerfile are valid, and their command lines work.

The tests need no container engine and no runner: they run the workflow's shell steps in a project
with its own firmware. A fake apt-get logs its arguments, and pip installs this tree's wheel
without its dependencies, which are installed already.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import workflow
from ci_project import FAILING, Project
from dockerfile_parse import DockerfileParser
from espbench.cli import main as cli
from installed import TREE, Installed

CI = TREE / "ci"
WORKFLOW = CI / "espbench-lx60.yml"
CONTAINER = "ci/Dockerfile"
SCHEMAS = {
    WORKFLOW: "vendor.github-workflows",
    TREE / "docker-compose.yml": "vendor.compose-spec",
    TREE / "action.yml": "vendor.github-actions",
    CI / "espbench.gitlab-ci.yml": "vendor.gitlab-ci",
}
INSTRUCTIONS = {"FROM", "RUN", "ARG", "ENV", "WORKDIR", "CMD", "COMMENT"}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_schema(path: Path, tmp_path: Path) -> None:
    """Each file conforms to its schema, which rejects a broken copy."""
    assert workflow.valid(path, SCHEMAS[path])
    broken = tmp_path / path.name
    text = path.read_text(encoding="utf-8")
    broken.write_text(
        re.sub(r"^(\s+)(runs-on|init|using|stage):", r"\1\2_:", text, flags=re.MULTILINE)
    )
    assert broken.read_text() != text
    assert not workflow.valid(broken, SCHEMAS[path])


def packages(shell: str) -> set[str]:
    """Return the packages that `apt-get install` installs in a command line."""
    flat = shell.replace("\\\n", " ")
    (found,) = re.findall(r"apt-get install ([^&\n]*)", flat)
    return {word for word in found.split() if not word.startswith("-")}


@pytest.fixture(scope="module")
def container() -> list[dict[str, Any]]:
    """Return the instructions of the Dockerfile."""
    return [{**each} for each in DockerfileParser(path=str(CI), cache_content=False).structure]


def test_container_file(container: list[dict[str, Any]]) -> None:
    """It has valid instructions and one base image, the one of the workflow."""
    assert {each["instruction"] for each in container} <= INSTRUCTIONS
    bases = [each["value"] for each in container if each["instruction"] == "FROM"]
    assert bases == [workflow.read(WORKFLOW)["jobs"]["espbench"]["container"]]
    for each in container:
        if each["instruction"] == "RUN":
            subprocess.run(["sh", "-n", "-c", each["value"]], check=True)


def test_both_install_the_same(container: list[dict[str, Any]]) -> None:
    """Dockerfile and workflow install the same packages, with all that a run needs."""
    (run,) = (each["value"] for each in container if "apt-get" in each["value"])
    step = workflow.shell_steps(workflow.read(WORKFLOW), "espbench")[0]
    assert packages(run) == packages(step["run"])
    import debian

    wanted = {each.name for each in debian.PACKAGES if "run" in each.purposes}
    assert wanted <= packages(run)


def test_container_commands(container: list[dict[str, Any]]) -> None:
    """Commands of espbench in the Dockerfile and its comments use existing options."""
    text = (CI / "Dockerfile").read_text()
    asked = re.findall(r"espbench (build|up) (--.*)$", text, re.MULTILINE)
    assert {name for name, _ in asked} == {"build", "up"}
    for name, options in asked:
        cli.make_parser().parse_args([name, *options.split()])


class Runner:
    """A runner with the wheel and a project."""

    def __init__(self, folder: Path, installed: Installed) -> None:
        self.there = Project(folder, installed)
        self.project = self.there.folder
        self.apt = self.there.apt
        self._environment = folder / "temp" / "espbench"
        self.data = workflow.read(WORKFLOW)
        self.variables = {
            **self.there.variables,
            **self.data["env"],
            "ESPBENCH": str(installed.wheel),
            "ESPBENCH_CACHE": self.there.variables["ESPBENCH_CACHE"],
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        }
        self.summary = folder / "summary.md"
        self.results = self.project / self.data["env"]["RESULTS"]

    def run(self, **more: str) -> workflow.Outcome:
        """Run all shell steps."""
        steps = workflow.shell_steps(self.data, "espbench")
        return workflow.run(steps, self.project, {**self.variables, **more}, self._after)

    def _after(self, step: str) -> None:
        if step == "Install espbench":
            self.there.complete(self._environment)

    def uploads(self, name: str) -> Path:
        """Return the path that an upload step uploads."""
        (step,) = (s for s in self.data["jobs"]["espbench"]["steps"] if s.get("name") == name)
        path = step["with"]["path"].replace("${{ env.RESULTS }}", str(self.results))
        return self.project / str(path)


@pytest.fixture
def runner(tmp_path: Path, installed: Installed) -> Runner:
    """Return a runner with a project that has its own firmware."""
    return Runner(tmp_path, installed)


def test_workflow_that_passes(runner: Runner, installed: Installed) -> None:
    """Every step of the workflow passes, up to the gate."""
    runner.there.baseline()
    outcome = runner.run()
    assert outcome.failed == [], outcome.said
    assert "install" in runner.apt.read_text()
    assert "2 passed, 6 skipped" in outcome.said["Test the firmware"]
    assert "Ready to boot and check any image for lx60." in outcome.said["Check the environment"]
    assert "The gate for lx60 is open: none of 4 figures" in runner.summary.read_text()
    assert (
        runner.uploads("Keep the summary for a comment").read_text() == runner.summary.read_text()
    )


def test_workflow_with_a_larger_image(runner: Runner, installed: Installed) -> None:
    """A larger image fails the gate, and the comment says how much larger it is."""
    runner.there.baseline()
    runner.there.rebuild()
    outcome = runner.run(EXTRA="9000")
    assert outcome.failed == ["Gate"], outcome.said
    comment = runner.uploads("Keep the summary for a comment").read_text()
    assert "is closed: 1 of 4 figures got worse." in comment
    assert "| Image, section .rodata | 52 B | 9,036 B |" in comment


def test_workflow_with_a_failing_test(runner: Runner, installed: Installed) -> None:
    """A failing test leaves evidence and a recording for upload, and the gate runs."""
    runner.there.baseline()
    (runner.project / "test_mine.py").write_text(FAILING)
    outcome = runner.run()
    assert outcome.failed == ["Test the firmware"], outcome.said
    left = runner.uploads("Keep results and evidence")
    assert (left / "suites.xml").is_file()
    assert list(left.glob("evidence/*/console.txt"))
    assert "is open" in runner.summary.read_text()
    # Replaying it needs nothing of the project or the runner.
    (recording,) = left.glob("evidence/*/recording.espbench")
    assert "Same outcome: " in installed.espbench("replay", str(recording))


def test_workflow_that_records_nothing(runner: Runner, installed: Installed) -> None:
    """With RECORD=never, a failing test leaves evidence but no recording."""
    runner.there.baseline()
    (runner.project / "test_mine.py").write_text(FAILING)
    outcome = runner.run(RECORD="never")
    assert outcome.failed == ["Test the firmware"], outcome.said
    left = runner.uploads("Keep results and evidence")
    assert list(left.glob("evidence/*/console.txt"))
    assert not list(left.glob("**/*.espbench"))


@pytest.mark.parametrize(
    ("said", "failing", "words"),
    [
        ({"PORTS": "http=80"}, 1, "1 failed, 2 passed, 5 skipped"),
        ({"READY": "", "READY_HTTP": "/"}, 2, "did not answer GET / over http or https within"),
    ],
    ids=["ports", "ready-http"],
)
def test_workflow_with_a_firmware_that_does_not_serve(
    said: dict[str, str], failing: int, words: str, runner: Runner, installed: Installed
) -> None:
    """The job fails if the firmware does not serve as the workflow says."""
    runner.there.baseline()
    outcome = runner.run(**said, ESPBENCH_TIMEOUT_SCALE="0.2")
    assert outcome.failed == ["Test the firmware", "Gate"][:failing], outcome.said
    assert words in outcome.said[outcome.failed[0]]


def test_workflow_without_a_baseline(runner: Runner) -> None:
    """Without a baseline, the gate says how to write one, and the comment that it did not run."""
    outcome = runner.run()
    assert outcome.failed == ["Gate"], outcome.said
    assert (
        "The baseline ci/baseline-lx60.json does not exist: run the same command with --update"
        in outcome.said["Gate"]
    )
    assert runner.summary.read_text() == ("### The gate for lx60 did not run: see the log.\n")


def test_workflow_is_safe() -> None:
    """It has read-only permissions, pinned actions, and no expressions in shell scripts."""
    data = workflow.read(WORKFLOW)
    assert data["permissions"] == {"contents": "read"}
    for step in data["jobs"]["espbench"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
    assert re.search(r"@v?\d+\.\d+\.\d+$", data["env"]["ESPBENCH"])


def test_files_are_written_into_a_project(installed: Installed) -> None:
    """`espbench ci` of a wheel writes both files, and never overwrites changed ones."""
    command = ("ci", "--board", "lx60")
    said = installed.espbench(*command)
    written = [installed.project / name for name in (".github/workflows/espbench.yml", CONTAINER)]
    assert [path.read_bytes() for path in written] == [
        WORKFLOW.read_bytes(),
        (TREE / CONTAINER).read_bytes(),
    ]
    assert said.startswith(".github/workflows/espbench.yml\nci/Dockerfile\nEdit these lines of ")
    assert installed.espbench(*command, ".") == said, "running it again changes nothing"
    written[1].unlink()
    written[0].write_text("changed")
    assert installed.espbench(*command, status=1) == (
        "espbench: .github/workflows/espbench.yml already exists with different content, so "
        "nothing was written: move it away, run the command again, and merge your changes.\n"
    )
    assert written[0].read_text() == "changed"
    assert not written[1].exists()


def test_files_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing project, or a file where a folder should be, gives one clear sentence."""
    assert cli.main(["ci", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err == (
        f"espbench: {tmp_path / 'nowhere'} is not a folder: name the folder of your firmware "
        "project.\n"
    )
    (tmp_path / "ci").touch()
    assert cli.main(["ci", "--board", "lx60", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"espbench: {tmp_path / CONTAINER} cannot be written (File exists): fix "
        "that, or name another folder.\n"
    )


def test_the_cache_is_what_espbench_fills() -> None:
    """CI caches espbench's cache folder, with a key that contains the version."""
    data = workflow.read(WORKFLOW)
    (step,) = (s for s in data["jobs"]["espbench"]["steps"] if "cache" in s.get("uses", ""))
    assert step["with"]["path"] == "${{ env.ESPBENCH_CACHE }}"
    assert "${{ env.ESPBENCH }}" in step["with"]["key"]
