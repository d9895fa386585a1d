# SPDX-License-Identifier: MIT
"""Chooses the folder for a session's evidence, and locks it against other sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from espbench.util.dirlock import DirectoryLock, first_free

CLAIM = pytest.StashKey[DirectoryLock]()
INPUT = "espbench_evidence"
"""Key of `workerinput` that passes the folder to workers of pytest-xdist."""


def usual(config: pytest.Config) -> Path:
    """Return the folder that options or ini settings name; in a worker, its controller's."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput[INPUT])
    if named := config.getoption("--espbench-evidence-dir"):
        return config.invocation_params.dir / str(named)
    return config.rootpath / str(config.getini("espbench_evidence_dir"))


def claim(config: pytest.Config) -> Path:
    """Return the folder, and claim it for this session unless evidence is off."""
    if hasattr(config, "workerinput") or config.getoption("--espbench-evidence") == "never":
        return usual(config)
    if CLAIM not in config.stash:
        config.stash[CLAIM] = first_free(usual(config))
    return config.stash[CLAIM].folder


def release(config: pytest.Config) -> None:
    """Release the folder for other sessions."""
    if (held := config.stash.get(CLAIM, None)) is not None:
        held.release()
        del config.stash[CLAIM]
