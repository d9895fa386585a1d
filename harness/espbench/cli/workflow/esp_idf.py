# SPDX-License-Identifier: MIT
"""Finds out how an ESP-IDF project is built, from its files and from its last build."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from espbench.boards.builtin import BOARDS
from espbench.cli.workflow.cmake_cache import caches_of, inside
from espbench.cli.workflow.found import FirmwareProject, at, idf_of, matches, text_of
from espbench.errors import ConfigError
from espbench.util.listing import listing

__all__ = ["active_idf", "esp_idf_project", "is_esp_idf"]

CONFIGURATIONS = ("sdkconfig", "sdkconfig.defaults")
"""In the order in which ESP-IDF lets them decide."""
DEFAULT_CHIP = "esp32"
"""`IDF_TARGET` of a project that names none (tools/cmake/targets.cmake)."""
MERGED = "build/merged-binary.bin"
"""What `idf.py merge-bin` writes (tools/idf_py_actions/serial_ext.py)."""

_IDF = re.compile(r"^\s*include\(\s*\"?\$ENV\{IDF_PATH\}/tools/cmake/project\.cmake", re.M)
_CHIP = re.compile(r"^CONFIG_IDF_TARGET=\"?(\w+)\"?\s*$", re.M)
_OPENETH = re.compile(r"^CONFIG_ETH_USE_OPENETH=y\s*$", re.M)
"""Ethernet that QEMU emulates (components/esp_eth/Kconfig)."""
_CMAKE_VERSION = re.compile(r"^set\(IDF_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)\)", re.M)


def is_esp_idf(folder: Path) -> bool:
    """Return whether a folder has an ESP-IDF project."""
    return bool(_IDF.search(text_of(folder / "CMakeLists.txt")))


def esp_idf_project(folder: Path, root: Path, chip: str) -> FirmwareProject:
    """Return how a project is built: as it was last time, or as its files say.

    Args:
        folder: the project.
        root: its repository.
        chip: the chip to build for; "" for the one that the project names.

    Raises:
        ConfigError: it is for a chip that espbench does not emulate.
    """
    targets = (chip,) if chip else tuple(BOARDS)
    built = [each for each in caches_of(folder) if each[1].get("IDF_TARGET") in targets]
    last = built[0][1] if built else {}
    texts = (text_of(folder / name) for name in CONFIGURATIONS)
    chip = chip or last.get("IDF_TARGET", "") or next(matches(_CHIP, texts), DEFAULT_CHIP)
    if chip not in BOARDS:
        raise ConfigError(
            f"{folder} is a project for the chip {chip}, which espbench does not emulate: "
            f"build it for {listing((b for b in BOARDS if b.startswith('esp')), 'or')}."
        )
    where = at(folder, root)
    command = ["idf.py", *(["-C", where] if where else []), "-D", f"IDF_TARGET={chip}"]
    defaults = [name for name in last.get("SDKCONFIG_DEFAULTS", "").split(";") if name]
    there = [
        os.path.relpath(root.resolve() / path, folder.resolve())
        for name in defaults
        if (path := inside(name, folder, root))
    ]
    if there:
        command += ["-D", f"SDKCONFIG_DEFAULTS={';'.join(there)}"]
    lost = len(there) < len(defaults)
    read = [folder / name for name in (*CONFIGURATIONS, *there)]
    read += [build / CONFIGURATIONS[0] for build, _ in built]
    image = at(folder, root, MERGED)
    remark = f"makes {image}"
    if lost:
        outside = [name for name in defaults if not inside(name, folder, root)]
        remark = (
            f"your last build read {listing(outside)}, too: add what it needs to the repository"
        )
    return FirmwareProject(
        f"an ESP-IDF project for {chip}{f' in {where}' if where else ''}",
        image,
        shlex.join([*command, "merge-bin"]),  # it builds, too
        remark,
        sure=not lost,
        folder=where,
        idf=idf_of([folder, *(build for build, _ in built)]) or active_idf(),
        ethernet=any(_OPENETH.search(text_of(path)) for path in read),
    )


def active_idf() -> str:
    """Return the version of the ESP-IDF whose environment is active; "" without one."""
    root = os.environ.get("IDF_PATH", "")
    numbers = _CMAKE_VERSION.findall(text_of(Path(root, "tools/cmake/version.cmake")))
    return ".".join(numbers) if root and len(numbers) == 3 else ""
