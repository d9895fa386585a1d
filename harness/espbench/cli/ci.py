# SPDX-License-Identifier: MIT
"""Command line of `espbench ci`: writes a workflow into a firmware project."""

from __future__ import annotations

import argparse
import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from espbench.boards.builtin import BOARDS, LX60, qemu_board_named
from espbench.cli.shared import Subparsers, add_bare_command
from espbench.cli.workflow import remarks, repository
from espbench.cli.workflow.found import FirmwareProject
from espbench.cli.workflow.project import find_project
from espbench.cli.workflow.remarks import Remark
from espbench.cli.workflow.source import installed_from
from espbench.cli.workflow.template import filled, line_of
from espbench.errors import ConfigError

__all__ = ["add_parser", "run", "write"]

WORKFLOW = ".github/workflows/espbench.yml"
FILES: Mapping[bool, Mapping[str, str]] = {
    False: {"ci/espbench.yml": WORKFLOW},
    True: {"ci/espbench-lx60.yml": WORKFLOW, "ci/Dockerfile": "ci/Dockerfile"},
}
"""Path of each file in the project, by its path in espbench's tree; by whether it is for `lx60`."""
BASELINE = "ci/check.toml"


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `ci`."""
    it = add_bare_command(
        subparsers,
        "ci",
        run,
        "write a GitHub workflow that checks a project's firmware",
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
    board = qemu_board_named(args.board) if args.board else None
    ours = board is LX60
    within = repository.root_of(folder)
    # GitHub reads workflows at the root of the repository alone.
    root = folder if within is None or within == folder.resolve() else within
    branch = repository.default_branch(root) if within else ""
    source = installed_from()
    project = None if ours else find_project(folder, root, board.name if board else "")
    values = {"ESPBENCH": source.wanted} if source.wanted else {}
    values |= _settings(project) if project else {}
    idf = project.idf if project and project.makes else ""
    paths = write(root, FILES[ours], lambda text: filled(text, values, branch, idf))
    for path in paths:
        print(path)
    if project:
        print(f"Found {project.found}.")
        _say_baseline(project, root)
        about = remarks.of_project(project)
    else:
        if not ours:
            print(f"{folder} has no ESP-IDF project, no MicroPython port and no merged image.")
        left = remarks.LX60 if ours else remarks.UNKNOWN
        about = [Remark(key, text, edit=True) for key, text in left.items()]
    _say([remarks.of_branch(branch), remarks.of_source(source), *about], paths[0])
    return 0


def _settings(project: FirmwareProject) -> dict[str, str]:
    """Return values for the workflow's `env`."""
    values = {"BUILD": project.command, "FIRMWARE": project.image}
    if project.profile:
        values["OPTIONS"] = f"--profile {project.profile}"
    return values


def _say_baseline(project: FirmwareProject, root: Path) -> None:
    check = ["espbench", "check", project.image]
    check += ["--profile", project.profile] if project.profile else []
    check += ["--baseline", BASELINE, "--update"]
    print("Write the baseline, and commit it with the workflow:")
    if root.resolve() != Path.cwd():
        print(f"  cd {shlex.quote(str(root))}")
    if project.makes:
        print(f"  {project.command}")
    print(f"  {shlex.join(check)}")


def _say(found: Sequence[Remark], workflow: Path) -> None:
    """Print the lines of the workflow to look at, those to edit first."""
    text = workflow.read_text(encoding="utf-8")
    for title, edit in (("Edit", True), ("Look at", False)):
        chosen = [each for each in found if each.edit == edit]
        if chosen:
            print(f"{title} these lines of {workflow} before you commit it:")
        for key in dict.fromkeys(each.key for each in chosen):
            number, line = line_of(text, key)
            print(f"  line {number}: {line}")
            for each in chosen:
                if each.key == key:
                    print(f"    {each.text}")


def write(
    project: Path, files: Mapping[str, str], fill: Callable[[str], str] = lambda text: text
) -> list[Path]:
    """Write the files into a project and return their paths.

    Args:
        project: the project's root.
        files: paths in the project, by paths in espbench's tree.
        fill: fills in the workflow's template.

    Raises:
        ConfigError: a file already exists with different content, or cannot be written.
    """
    from espbench.firmware import source_tree as tree

    contents: dict[Path, bytes] = {}
    for at, to in files.items():
        content = (tree.root() / at).read_bytes()
        if to == WORKFLOW:
            content = fill(content.decode()).encode()
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
