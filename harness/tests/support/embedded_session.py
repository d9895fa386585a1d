# SPDX-License-Identifier: MIT
"""Run pytest in a folder with no plugins but pytest-embedded's and espbench's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLUGINS = ("pytest_embedded.plugin", "espbench.plugin")


def run_embedded(
    folder: Path, source: str, *options: str, plugins: tuple[str, ...] = PLUGINS
) -> tuple[int, str]:
    """Run a test file's source; return the exit status and the output.

    Args:
        folder: an empty folder.
        source: the test file's contents after `import pytest`.
        options: pytest's further options.
        plugins: the values of pytest's `-p`.
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
