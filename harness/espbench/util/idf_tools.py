# SPDX-License-Identifier: MIT
"""Where ESP-IDF and its tools are installed (see ESP-IDF's `tools/idf_tools.py`)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = [
    "IDF_TAG",
    "TOOLS_VARIABLE",
    "USUAL_PLACES",
    "find_idf",
    "path_with_gdb",
    "tools_folders",
    "version_key",
]

IDF_TAG = "v5.5.5"
"""The release of ESP-IDF that espbench recommends."""
USUAL_PLACES = ("~/esp/esp-idf", "/opt/esp/idf")
"""Where Espressif's guide and Espressif's container image install ESP-IDF."""

TOOLS_VARIABLE = "IDF_TOOLS_PATH"


def tools_folders(environment: Mapping[str, str]) -> list[Path]:
    """Return where to look for ESP-IDF's tools: `IDF_TOOLS_PATH`, then the default folder."""
    named = environment.get(TOOLS_VARIABLE, "").strip()
    folders = [Path(named).expanduser()] if named else []
    return list(dict.fromkeys([*folders, Path.home() / ".espressif"]))


def find_idf(environment: Mapping[str, str]) -> Path | None:
    """Return ESP-IDF's folder: IDF_PATH, or else a usual place."""
    named = environment.get("IDF_PATH", "").strip()
    for place in [named] if named else USUAL_PLACES:
        path = Path(place).expanduser()
        if (path / "tools" / "idf.py").is_file():
            return path
    return None


def version_key(name: str) -> list[int]:
    """Return a sort key for names that contain versions, such as esp_develop_9.2.2_20260417."""
    return [int(number) for number in re.findall(r"\d+", name)]


def path_with_gdb(environment: Mapping[str, str]) -> str:
    """Return PATH, extended by the folders of ESP-IDF's debuggers, newest first."""
    found = [
        folder
        for tools in tools_folders(environment)
        for folder in (tools / "tools").glob("*-gdb/*/*/bin")
    ]
    found.sort(key=lambda folder: version_key(folder.parents[1].name), reverse=True)
    return os.pathsep.join([environment.get("PATH", os.defpath), *map(str, found)])
