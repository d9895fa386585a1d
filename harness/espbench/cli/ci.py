# SPDX-License-Identifier: MIT
"""Command line of `espbench ci`: writes a workflow into a firmware project."""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from espbench.boards.builtin import BOARDS, LX60, board_named
from espbench.cli.firmware_project import FirmwareProject, find_project
from espbench.cli.shared import Subparsers, add_bare_command
from espbench.errors import ConfigError

__all__ = ["add_parser", "run", "write"]

WORKFLOW = ".github/workflows/espbench.yml"
FILES: Mapping[bool, Mapping[str, str]] = {
    False: {"ci/espbench.yml": WORKFLOW},
    True: {"ci/espbench-lx60.yml": WORKFLOW, "ci/Dockerfile": "ci/Dockerfile"},
}
"""Path of each file in the project, by its path in espbench's tree; by whether it is for `lx60`."""
PLACEHOLDER = "OWNER"
"""Stands in the workflow's ESPBENCH for what only the user knows."""

_TAG = re.compile(r"v?\d+(\.\d+)+")
_PLAIN = re.compile(r"[\w./:@+=-][\w./:@+= -]*")
"""Values that need no quotes in YAML."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `ci`."""
    it = add_bare_command(
        subparsers,
        "ci",
        run,
        "write a GitHub workflow that checks the firmware into its project",
        "espbench ci ../my-firmware",
    )
    it.add_argument(
        "project", nargs="?", default=".", metavar="DIR", help="folder of the project (default: .)"
    )
    it.add_argument(
        "--board",
        metavar="NAME",
        help=f"one of {', '.join(BOARDS)} (default: the chip that the project is built for); "
        "lx60 also writes a Dockerfile",
    )


def run(args: argparse.Namespace) -> int:
    """Write the workflow into a firmware project, and say what is left to do."""
    folder = Path(args.project)
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: name the folder of your firmware project.")
    board = board_named(args.board) if args.board else None
    ours = board is LX60
    project = None if ours else find_project(folder, board.name if board else "")
    source = installed_from()
    values = {} if project is None else settings(project)
    if source:
        values["ESPBENCH"] = source
    for path in write(folder, FILES[ours], values, project.idf if project else ""):
        print(path)
    edits = [] if source else [f"{PLACEHOLDER} and the version in ESPBENCH"]
    if ours:
        edits.append("BUILD, FIRMWARE and PORTS")
    elif project is None:
        print("Found neither an ESP-IDF project nor a merged image.")
        edits.append("BUILD and FIRMWARE")
    else:
        print(f"Found {project.found}.")
        edits += [] if project.build else ["BUILD"]
    if edits:
        print(f"Now edit `env` in the workflow: {', then '.join(edits)}.")
    if project is not None:
        print("Write the baseline, and commit it with the workflow:")
        check = ["espbench", "check", project.image]
        check += ["--profile", project.profile] if project.profile else []
        check += ["--baseline", "ci/check.toml", "--update"]
        for command in filter(None, (project.build, shlex.join(check))):
            print(f"  {command}")
    return 0


def settings(project: FirmwareProject) -> dict[str, str]:
    """Return values for the workflow's `env`."""
    values = {"BUILD": project.build, "FIRMWARE": project.image}
    if project.profile:
        values["OPTIONS"] = f"--profile {project.profile}"
    return values


def installed_from() -> str:
    """Return what pip needs to install this espbench again; "" if it came from this machine.

    By the record of pip (https://packaging.python.org/en/latest/specifications/direct-url/).
    """
    try:
        text = importlib.metadata.distribution("espbench").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return ""
    record = json.loads(text or "{}")
    source = record.get("vcs_info")
    if not source:
        return ""
    wanted = source.get("requested_revision", "")
    revision = wanted if _TAG.fullmatch(wanted) else source["commit_id"]
    return f"{source['vcs']}+{record['url']}@{revision}"


def filled(text: str, values: Mapping[str, str], idf: str) -> str:
    """Return a workflow with these values in its `env`, and the container of this ESP-IDF."""
    for name, value in values.items():
        shown = value if _PLAIN.fullmatch(value) else json.dumps(value)
        line = f"  {name}: {shown}".replace("\\", r"\\")
        text, count = re.subn(rf"(?m)^  {name}: .*$", line, text)
        assert count == 1, name
    if idf:
        # Espressif's tags have no third number before the first bug-fix release.
        tag = f"v{idf.removesuffix('.0')}"
        text = re.sub(r"(?m)^(    container: espressif/idf:).*$", rf"\g<1>{tag}", text)
    return text


def write(
    project: Path, files: Mapping[str, str], values: Mapping[str, str], idf: str = ""
) -> list[Path]:
    """Write the files into a project and return their paths.

    Args:
        project: the project's folder.
        files: paths in the project, by paths in espbench's tree.
        values: for the workflow's `env`.
        idf: the version of ESP-IDF whose container the workflow uses; "" for the template's.

    Raises:
        ConfigError: a file already exists with different content, or cannot be written.
    """
    from espbench.firmware import source_tree as tree

    contents: dict[Path, bytes] = {}
    for at, to in files.items():
        content = (tree.root() / at).read_bytes()
        if to == WORKFLOW:
            content = filled(content.decode(), values, idf).encode()
        contents[project / to] = content
    for path, content in contents.items():
        with _refused(path):
            differs = path.exists() and path.read_bytes() != content
        if differs:
            raise ConfigError(
                f"{path} already exists with different content, so nothing was written: move it "
                "away, run the command again, and merge your changes."
            )
    for path, content in contents.items():
        with _refused(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return list(contents)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn an OSError into a ConfigError that names the path."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}): fix that, or name another folder."
        ) from error
