# SPDX-License-Identifier: MIT
"""The firmware's C dependencies: includes between its files, and symbols between its objects."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
PARTS = ("modules", "ports")
PORT_HEADERS = frozenset(
    {
        "board.h",
        "console.h",
        "net_receive.h",
        "open_eth.h",
        "retained.h",
        "webserver_threads.h",
    }
)
"""Headers that each port provides for the code below it, like MicroPython's mphalport.h: they
declare functions that the port defines, and include none of the firmware's headers."""


def c_files(firmware: Path) -> list[Path]:
    """Return the firmware's C sources and headers, relative to its folder, sorted."""
    return sorted(
        path.relative_to(firmware) for part in PARTS for path in (firmware / part).rglob("*.[ch]")
    )


def includes(firmware: Path, files: Iterable[Path]) -> dict[Path, set[Path]]:
    """Return for each file the files that it includes, without `PORT_HEADERS` of other folders."""
    known = set(files)
    by_name: dict[str, set[Path]] = {}
    for path in known:
        by_name.setdefault(path.name, set()).add(path)
    found: dict[Path, set[Path]] = {path: set() for path in known}
    for path in known:
        for name in INCLUDE.findall((firmware / path).read_text(encoding="utf-8")):
            if name in PORT_HEADERS and (path.parent / name) not in known:
                continue
            found[path] |= _resolved(path, name, known, by_name)
    return found


def _resolved(
    path: Path, name: str, known: set[Path], by_name: Mapping[str, set[Path]]
) -> set[Path]:
    for candidate in (path.parent / name, Path("modules") / name):
        if candidate in known:
            return {candidate}
    # a port's include path: its own folders, then all ports' folders
    top = path.parts[:2]
    same = {other for other in by_name.get(name, set()) if other.parts[:2] == top}
    return same or {other for other in by_name.get(name, set()) if other.parts[0] == "ports"}


def folders(files: Mapping[Path, set[Path]]) -> dict[str, set[str]]:
    """Return for each folder the folders that it includes from."""
    found: dict[str, set[str]] = {}
    for path, others in files.items():
        mine = found.setdefault(path.parent.as_posix(), set())
        mine |= {other.parent.as_posix() for other in others} - {path.parent.as_posix()}
    return found


def cycle(graph: Mapping[str, set[str]] | Mapping[Path, set[Path]]) -> list[str]:
    """Return the nodes of a cycle; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(node) for node in error.args[1]]
    return []


def symbols(nm: str, objects: Iterable[Path]) -> tuple[set[str], set[str]]:
    """Return the symbols that objects define, and the non-weak ones that they need from others.

    Args:
        nm: the nm to run.
        objects: the object files, treated as one.
    """
    defined: set[str] = set()
    wanted: set[str] = set()
    text = subprocess.run(
        [nm, "-P", *map(str, objects)], capture_output=True, text=True, check=True
    ).stdout
    for line in text.splitlines():
        name, _, kind = line.partition(" ")
        if kind[:1] == "U":
            wanted.add(name)
        elif kind[:1].isupper():
            defined.add(name)
    return defined, wanted - defined
