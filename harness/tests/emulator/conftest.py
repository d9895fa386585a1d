# SPDX-License-Identifier: MIT
"""The stand-in for esp-emu, installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from esp_emu_image import installed


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the stand-in, which is on PATH."""
    found = installed(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{found.parent}{os.pathsep}{os.environ['PATH']}")
    return found
