# SPDX-License-Identifier: MIT
"""Finds the MicroPython to build: the checkout in `ESPBENCH_MICROPYTHON`, or the pinned source."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from espbench.errors import ToolMissing
from espbench.firmware import sources
from espbench.firmware.checks import Finding
from espbench.util.programs import output

__all__ = [
    "LEAST",
    "VARIABLE",
    "Version",
    "check_micropython",
    "dotted",
    "find_micropython",
    "finding",
    "git_tag",
    "micropython_version",
    "numbers",
    "pinned_version",
]

Version = tuple[int, int, int]

LEAST: Version = (1, 25, 0)
VARIABLE = "ESPBENCH_MICROPYTHON"
CORE = "py/py.mk"
"""A file that every MicroPython checkout has: the rules that ports with a Makefile include."""
_HEADER = Path("py", "mpconfig.h")
_PREVIEW = re.compile(r"#define MICROPY_VERSION_PRERELEASE 1\b")


def find_micropython(environment: Mapping[str, str]) -> Path | None:
    """Return the checkout that ESPBENCH_MICROPYTHON names; None to build the pinned source."""
    named = environment.get(VARIABLE, "").strip()
    return Path(named).expanduser().absolute() if named else None


def check_micropython(board: str, environment: Mapping[str, str], port: str = "") -> Path | None:
    """Return the checkout that ESPBENCH_MICROPYTHON names, after checking that it can be built.

    Args:
        board: the board to build for.
        environment: the environment variables.
        port: MicroPython's own port that the build uses, such as "esp32"; "" for none.

    Raises:
        ToolMissing: it is not a checkout, lacks the port, or is too old.
    """
    path = find_micropython(environment)
    if path is None:
        return None
    least = dotted(LEAST)
    remedy = (
        f"point {VARIABLE} at a checkout of MicroPython v{least} or newer, or unset it "
        "to build the pinned sources."
    )
    if not (path / CORE).is_file() or not (path / _HEADER).is_file():
        raise ToolMissing(f"{path} is not a MicroPython checkout: {remedy}")
    if port and not (path / "ports" / port / "CMakeLists.txt").is_file():
        raise ToolMissing(f"{path} is not a MicroPython checkout with ports/{port}: {remedy}")
    version = micropython_version(path)
    if version is None or version < LEAST:
        found = f"v{dotted(version)}" if version else "of an unknown version"
        raise ToolMissing(
            f"MicroPython in {path} is {found}, but the {board} firmware needs v{least} or newer: "
            f"{remedy}"
        )
    return path


def micropython_version(micropython: Path) -> Version | None:
    """Return MicroPython's version, from its own header; None if it has none."""
    return numbers(
        micropython / _HEADER,
        *(rf"#define MICROPY_VERSION_{part} (\d+)" for part in ("MAJOR", "MINOR", "MICRO")),
    )


def numbers(file: Path, major: str, minor: str, last: str) -> Version | None:
    """Return a version whose numbers are the first groups of these patterns in a file."""
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return None
    found = [re.search(pattern, text) for pattern in (major, minor, last)]
    values = [int(match[1]) for match in found if match]
    return (values[0], values[1], values[2]) if len(values) == 3 else None


def dotted(version: Sequence[int] | None) -> str:
    """Return a version as text, such as "1.25.0"; "" for None."""
    return ".".join(map(str, version)) if version else ""


def pinned_version() -> str:
    """Return the version of the pinned source."""
    return sources.pinned().sources["micropython"].version


def git_tag(environment: Mapping[str, str]) -> str:
    """Return the version that the firmware names, for MICROPY_GIT_TAG; "" if git knows it.

    MicroPython's build (py/makeversionhdr.py) asks git, which names a commit in a clone without
    tags, and which finds the repository of a parent folder if the sources have none.
    """
    path = find_micropython(environment)
    if path is None:
        return f"v{pinned_version()}"
    command = ["git", "-C", str(path), "describe", "--tags", "--match", "v[1-9].*"]
    if (path / ".git").exists() and output(command):
        return ""
    version = dotted(micropython_version(path))
    preview = "-preview" if _PREVIEW.search((path / _HEADER).read_text(errors="replace")) else ""
    return f"v{version}{preview}"


def finding(board: str, environment: Mapping[str, str], port: str = "") -> Finding:
    """Check the MicroPython to build, without raising; see `check_micropython`."""
    try:
        path = check_micropython(board, environment, port)
    except ToolMissing as error:
        return Finding(board, "MicroPython", "missing", str(error), f"unset {VARIABLE}")
    if path is not None:
        version = dotted(micropython_version(path))
        return Finding(board, "MicroPython", "ok", f"v{version} ({path})")
    there = sources.present(sources.pinned().sources["micropython"], sources.cache_folder())
    found = f"v{pinned_version()} (pinned; {VARIABLE} is not set)"
    return Finding(board, "MicroPython", "ok" if there else "later", found)
