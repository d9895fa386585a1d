# SPDX-License-Identifier: MIT
"""The folders where ESP-IDF installs its tools (see ESP-IDF's `tools/idf_tools.py`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["TOOLS_VARIABLE", "tools_folders", "version_key"]

TOOLS_VARIABLE = "IDF_TOOLS_PATH"


def tools_folders(environment: Mapping[str, str]) -> list[Path]:
    """Return where to look for ESP-IDF's tools: `IDF_TOOLS_PATH`, then the default folder."""
    named = environment.get(TOOLS_VARIABLE, "").strip()
    folders = [Path(named).expanduser()] if named else []
    return list(dict.fromkeys([*folders, Path.home() / ".espressif"]))


def version_key(name: str) -> list[int]:
    """Return a sort key for names that contain versions, such as esp_develop_9.2.2_20260417."""
    return [int(number) for number in re.findall(r"\d+", name)]
