# SPDX-License-Identifier: MIT
"""Runs pytest with pytest-embedded's plugin and espbench's, and nothing else, in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLUGINS = ("pytest_embedded.plugin", "espbench.plugin")


def run_embedded(
    folder: Path, source: str, *options: str, plugins: tuple[str, ...] = PLUGINS
) -> tuple[int, str]:
    """Run a test file's source; return the exit status and what was printed.

    Args:
        folder: an empty one.
        source: what is in the test file, behind `import pytest`.
        options: for pytest.
        plugins: its `-p`.
    """
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_inner.py").write_text(f"import pytest\n{source}")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_inner.py"]
    for plugin in plugins:
        command += ["-p", plugin]
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "ESPBENCH_CACHE": str(folder / "cache"),
        "PYTHONPATH": str(folder),
        # Where pytest-embedded keeps its logs.
        "TMPDIR": str(folder),
    }
    result = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return result.returncode, result.stdout + result.stderr
