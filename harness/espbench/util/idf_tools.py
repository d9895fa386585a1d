# SPDX-License-Identifier: MIT
"""Where ESP-IDF and its tools are installed (see ESP-IDF's `tools/idf_tools.py`)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import platformdirs

__all__ = [
    "CLONE",
    "IDF_TAG",
    "TOOLS_VARIABLE",
    "USUAL_PLACES",
    "container_shell",
    "find_idf",
    "own_folder",
    "own_folders",
    "path_with_gdb",
    "tools_folders",
    "version_key",
]

IDF_TAG = "v5.5.5"
"""The release of ESP-IDF that espbench recommends, and that `espbench setup` installs."""
CLONE = f"esp-idf-{IDF_TAG}"
"""Name of the folder into which `espbench setup` clones ESP-IDF."""
USUAL_PLACES = ("~/esp/esp-idf", "/opt/esp/idf")
"""Where Espressif's guide and Espressif's container image install ESP-IDF."""

TOOLS_VARIABLE = "IDF_TOOLS_PATH"


CLONES_COMPOSE = Path(__file__).resolve().parents[3] / "docker-compose.yml"
"""The file that only a clone has."""


def container_shell() -> str:
    """Return the command that opens a shell in Espressif's container image, ready to paste."""
    if CLONES_COMPOSE.is_file():
        return "docker compose run --rm shell"
    return f'docker run --rm -it -v "$PWD:$PWD" -w "$PWD" espressif/idf:{IDF_TAG}'


def own_folders(environment: Mapping[str, str]) -> list[Path]:
    """Return where `espbench setup` may have installed Espressif's tools.

    These are `IDF_TOOLS_PATH`, and espbench's folder in the user's data.
    """
    named = environment.get(TOOLS_VARIABLE, "").strip()
    folders = [Path(named).expanduser().absolute()] if named else []
    return [*folders, platformdirs.user_data_path("espbench") / "espressif"]


def own_folder(environment: Mapping[str, str]) -> Path:
    """Return where `espbench setup` installs Espressif's tools: the first of `own_folders`."""
    return own_folders(environment)[0]


def tools_folders(environment: Mapping[str, str]) -> list[Path]:
    """Return where to look for ESP-IDF's tools: `own_folders`, then ESP-IDF's default folder."""
    return list(dict.fromkeys([*own_folders(environment), Path.home() / ".espressif"]))


def find_idf(environment: Mapping[str, str]) -> Path | None:
    """Return ESP-IDF's folder: IDF_PATH, or else that of `espbench setup`, or a usual place."""
    named = environment.get("IDF_PATH", "").strip()
    own = [folder / CLONE for folder in own_folders(environment)]
    usual = [*own, *(Path(place).expanduser() for place in USUAL_PLACES)]
    for path in [Path(named).expanduser()] if named else usual:
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
