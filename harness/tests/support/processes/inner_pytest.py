# SPDX-License-Identifier: MIT
"""Run pytest in another process, for tests of a user's session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def inner_pytest(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run pytest in `folder`, with its temporary files there; return its output.

    Args:
        folder: the working folder.
        arguments: pytest's.
        status: the expected exit status; 0 if all pass.
    """
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


def failing_pytest(folder: Path, variable: str, *arguments: str) -> list[dict[str, Any]]:
    """Run pytest in `folder`, with failing tests; return the events of `reporting.progress`.

    Args:
        folder: the working folder.
        variable: the environment variable that names the pipe.
        arguments: pytest's.
    """
    reading, writing = os.pipe()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "espbench.reporting.progress",
    ]
    with (
        (folder / "pytest.log").open("w") as log,
        os.fdopen(reading) as events,
        subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            pass_fds=(writing,),
            env={**os.environ, "TMPDIR": str(folder), variable: str(writing)},
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        os.close(writing)
        parsed = [json.loads(line) for line in events]
    assert process.returncode == 1, (folder / "pytest.log").read_text()
    return parsed
