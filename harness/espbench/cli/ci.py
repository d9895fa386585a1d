# SPDX-License-Identifier: MIT
"""Command line of `espbench ci`: writes a workflow and a container file into a firmware project."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from espbench.cli.shared import Subparsers, add_bare_command
from espbench.errors import ConfigError

__all__ = ["add_parser", "run", "write"]

FILES: Mapping[str, str] = {
    "ci/espbench.yml": ".github/workflows/espbench.yml",
    "ci/Dockerfile": "ci/Dockerfile",
}
"""Where each file goes in a project, by its place in espbench's own tree."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `ci`."""
    add_bare_command(
        subparsers,
        "ci",
        run,
        "write the GitHub workflow and the container file into a firmware project",
        "espbench ci ../my-firmware",
    ).add_argument(
        "project", nargs="?", default=".", metavar="DIR", help="the project (default: .)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the workflow and the container file into a firmware project."""
    for path in write(Path(args.project)):
        print(path)
    print(
        "Now change `env` of the workflow: OWNER and the version in ESPBENCH first, then what "
        "builds your firmware, what comes out and where it serves."
    )
    return 0


def write(project: Path) -> list[Path]:
    """Write the files into a project, and return their paths.

    Raises:
        ConfigError: one is there already and is another one, or cannot be written.
    """
    from espbench.firmware import source_tree as tree

    if not project.is_dir():
        raise ConfigError(f"There is no folder {project}: give that of your firmware project.")
    contents = {project / to: (tree.root() / at).read_bytes() for at, to in FILES.items()}
    for path, content in contents.items():
        with _refused(path):
            differs = path.exists() and path.read_bytes() != content
        if differs:
            raise ConfigError(
                f"{path} is there already, with other content, so nothing was written: move it "
                "away first, and then take over what you had changed."
            )
    for path, content in contents.items():
        with _refused(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return list(contents)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a sentence."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}): change that, or name another folder."
        ) from error
