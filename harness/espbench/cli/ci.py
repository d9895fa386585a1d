# SPDX-License-Identifier: MIT
"""Command line of `espbench ci`: copies a workflow and a Dockerfile into a firmware project."""

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
"""Path of each file in the project, by its path in espbench's tree."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `ci`."""
    add_bare_command(
        subparsers,
        "ci",
        run,
        "write the GitHub workflow and the Dockerfile into a firmware project",
        "espbench ci ../my-firmware",
    ).add_argument(
        "project", nargs="?", default=".", metavar="DIR", help="folder of the project (default: .)"
    )


def run(args: argparse.Namespace) -> int:
    """Write the workflow and the Dockerfile into a firmware project."""
    for path in write(Path(args.project)):
        print(path)
    print(
        "Now edit `env` in the workflow: first OWNER and the version in ESPBENCH, then BUILD, "
        "FIRMWARE and PORTS."
    )
    return 0


def write(project: Path) -> list[Path]:
    """Write the files into a project and return their paths.

    Raises:
        ConfigError: a file already exists with different content, or cannot be written.
    """
    from espbench.firmware import source_tree as tree

    if not project.is_dir():
        raise ConfigError(f"{project} is not a folder: name the folder of your firmware project.")
    contents = {project / to: (tree.root() / at).read_bytes() for at, to in FILES.items()}
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
