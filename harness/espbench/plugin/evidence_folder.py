# SPDX-License-Identifier: MIT
"""Chooses the folder for a session's evidence, and locks it against other sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from espbench.util.dirlock import Claim, first_free

CLAIM = pytest.StashKey[Claim]()
INPUT = "espbench_evidence"
"""What a worker of pytest-xdist is told."""


def usual(config: pytest.Config) -> Path:
    """Return the folder that options or ini name; a worker's is the one that it was told."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput[INPUT])
    if named := config.getoption("--espbench-evidence-dir"):
        return config.invocation_params.dir / str(named)
    return config.rootpath / str(config.getini("espbench_evidence_dir"))


def claim(config: pytest.Config) -> Path:
    """Return the folder, claimed for this session when there may be evidence."""
    if hasattr(config, "workerinput") or config.getoption("--espbench-evidence") == "never":
        return usual(config)
    if CLAIM not in config.stash:
        config.stash[CLAIM] = first_free(usual(config))
    return config.stash[CLAIM].folder


def release(config: pytest.Config) -> None:
    """Let other sessions have it."""
    if (held := config.stash.get(CLAIM, None)) is not None:
        held.release()
        del config.stash[CLAIM]
