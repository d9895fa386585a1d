# SPDX-License-Identifier: MIT
"""A pytest of its own in another process, for tests of what a user's pytest does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def inner_pytest(folder: Path, *arguments: str, status: int = 0) -> str:
    """Return what pytest printed; it runs in `folder`, with its temporary files.

    Args:
        folder: where.
        arguments: pytest's.
        status: how it has to end; 0 is that all passed.
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
    """Run pytest in `folder`, where tests fail; return the events of `reporting.progress`.

    Args:
        folder: where.
        variable: of the environment, that names the pipe.
        arguments: of pytest.
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
        told = [json.loads(line) for line in events]
    assert process.returncode == 1, (folder / "pytest.log").read_text()
    return told
