# SPDX-License-Identifier: MIT
"""Finds the scenario suites by their names.

A suite is a file `test_NAME.py` below `scenarios/`, or a folder of them. Its name is its path below
`scenarios/` without `test_` and `.py`, such as `limits/saturation`, or `limits` for a whole folder.
The last part suffices if it is unique: `saturation`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from espbench.errors import EspbenchError

FOLDER = "scenarios"
"""The folder of the suites in espbench's tree."""
RENAMED = {
    "busy": "limits/saturation",
    "reentry": "protocol/reentrancy",
    "stacks": "memory/stack_headroom",
    "timing": "webrepl/constant_time",
    "tls_limit": "limits/tls_connections",
    "wss_handshake": "handshake/wss",
}
"""Names of suites from before they were in folders. They still work in 0.1."""
TESTS_OF_THE_HARNESS = {
    "dut": "harness/tests/embedded/test_dut.py",
    "gate": "harness/tests/perf/test_regressions.py",
    "guide": "harness/tests/docs/test_https_guide.py",
    "readme": "harness/tests/docs/test_readme.py",
    "record": "harness/tests/recording/test_record_replay.py",
    "stubs": "harness/tests/docs/test_stubs.py",
}
"""Former suites, which test the harness or its documentation, not a device."""


def suites(root: Path) -> dict[str, Path]:
    """Return the path of each suite in a tree by its name; folders come before their files."""
    top = root / FOLDER
    files = sorted(top.rglob("test_*.py"))
    folders = {parent for path in files for parent in path.parents if parent.is_relative_to(top)}
    paths = {name_of(path.relative_to(top)): path for path in [*folders - {top}, *files]}
    return dict(sorted(paths.items()))


def name_of(path: PurePosixPath | Path) -> str:
    """Return the name of the suite at a path, which is relative to `scenarios/`."""
    return path.with_name(path.stem.removeprefix("test_")).as_posix()


def suite_of(nodeid: str) -> str:
    """Return the name of a test's suite; outside `scenarios/`, a name for its file."""
    path = PurePosixPath(nodeid.partition("::")[0])
    below = path.parts[path.parts.index(FOLDER) + 1 :] if FOLDER in path.parts else ()
    return name_of(PurePosixPath(*below) if below else PurePosixPath(path.name))


def suite_paths(root: Path, names: Sequence[str]) -> list[str]:
    """Return pytest's arguments for suites, or for paths with or without a test's name.

    Raises:
        EspbenchError: a suite does not exist; the message lists the existing ones.
    """
    if not names:
        return [str(root / FOLDER)]
    known = suites(root)
    short = _short(known)
    paths = []
    for name in names:
        file, colons, test = name.partition("::")
        found = known.get(file) or short.get(file) or known.get(RENAMED.get(file, ""))
        if found is None and not Path(file).exists():
            raise EspbenchError(_unknown(file, known))
        paths.append(f"{found or Path(file).absolute()}{colons}{test}")
    return paths


def renamed(names: Sequence[str]) -> list[str]:
    """Return a deprecation message for each former name among these."""
    files = dict.fromkeys(name.partition("::")[0] for name in names)
    return [
        f"The suite {name} is now {RENAMED[name]}; the old name will be removed after 0.1."
        for name in files
        if name in RENAMED
    ]


def _short(known: dict[str, Path]) -> dict[str, Path]:
    last = Counter(name.rpartition("/")[2] for name in known)
    return {
        short: path for name, path in known.items() if last[short := name.rpartition("/")[2]] == 1
    }


def _unknown(name: str, known: dict[str, Path]) -> str:
    if name in TESTS_OF_THE_HARNESS:
        return (
            f"{name!r} is no longer a suite because it does not test a device: in a clone of "
            f"espbench, run pytest {TESTS_OF_THE_HARNESS[name]}."
        )
    if same := [each for each in known if each.rpartition("/")[2] == name]:
        return f"Several suites are called {name!r}: choose from {', '.join(same)}."
    return f"There is no suite {name!r}: choose from {', '.join(known) or 'none'}, or give a path."


def about(path: Path) -> str:
    """Return the first line of the docstring of a suite's file, or of a folder's package."""
    source = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
