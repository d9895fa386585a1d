# SPDX-License-Identifier: MIT
"""Where ESP-IDF installs its tools (ESP-IDF's `tools/idf_tools.py`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["TOOLS_VARIABLE", "tools_folders", "version_key"]

TOOLS_VARIABLE = "IDF_TOOLS_PATH"


def tools_folders(environment: Mapping[str, str]) -> list[Path]:
    """Return where ESP-IDF's tools may be: the folder that is named, then the default one."""
    named = environment.get(TOOLS_VARIABLE, "").strip()
    folders = [Path(named).expanduser()] if named else []
    return list(dict.fromkeys([*folders, Path.home() / ".espressif"]))


def version_key(name: str) -> list[int]:
    """Return what sorts names with versions in them, such as esp_develop_9.2.2_20260417."""
    return [int(number) for number in re.findall(r"\d+", name)]
