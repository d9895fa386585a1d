# SPDX-License-Identifier: MIT
"""Run the shell steps of a GitHub workflow or action locally, in order, as a runner would.

Actions (`uses:`) are not run. Only the status function of an `if:` is evaluated, and the only
expressions are `${{ inputs.NAME }}` in a step's `env`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
"""The command that a runner executes for `shell: bash`."""


INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


@dataclass
class Outcome:
    """The outcome of the steps.

    Attributes:
        failed: names of the steps that failed.
        said: the output of each step that ran, by its name.
    """

    failed: list[str] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> dict[str, Any]:
    """Return a workflow; YAML parses its key `on` as a boolean, which does no harm here."""
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def valid(path: Path, schema: str) -> bool:
    """Return whether a file conforms to its schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def shell_steps(workflow: Mapping[str, Any], job: str) -> list[dict[str, Any]]:
    """Return the steps of a job that run shell commands."""
    return [step for step in workflow["jobs"][job]["steps"] if "run" in step]


def run(
    steps: list[dict[str, Any]],
    folder: Path,
    variables: Mapping[str, str],
    after: Callable[[str], None] | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Outcome:
    """Run the steps in a folder.

    Args:
        steps: the steps to run.
        folder: the checkout.
        variables: the runner's environment, with the workflow's `env`.
        after: called with the name of each step that has ended.
        inputs: an action's inputs.
    """
    outcome = Outcome()
    paths = folder.parent / "github_path"
    paths.touch()
    for step in steps:
        if outcome.failed and not re.search(r"!cancelled\(\)|failure\(\)", step.get("if", "")):
            continue
        more = paths.read_text().split()
        environment = {**variables, "GITHUB_PATH": str(paths)}
        for name, text in step.get("env", {}).items():
            environment[name] = INPUT.sub(lambda found: (inputs or {})[found[1]], text)
        environment["PATH"] = os.pathsep.join([*reversed(more), variables["PATH"]])
        result = subprocess.run(
            [*SHELL, step["run"]],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        outcome.said[step["name"]] = result.stdout
        if result.returncode:
            outcome.failed.append(step["name"])
        if after is not None:
            after(step["name"])
    return outcome
