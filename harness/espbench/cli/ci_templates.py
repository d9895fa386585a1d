# SPDX-License-Identifier: MIT
"""What a firmware project gets to have its pull requests gated: a workflow and a container file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from espbench.errors import ConfigError
from espbench.firmware import source_tree as tree

FILES: Mapping[str, str] = {
    "ci/espbench.yml": ".github/workflows/espbench.yml",
    "ci/Dockerfile": "ci/Dockerfile",
}
"""Where each file goes in a project, by its place in espbench's own tree."""


def write(project: Path) -> list[Path]:
    """Write the files into a project, and return their paths.

    Raises:
        ConfigError: one is there already and is another one, or cannot be written.
    """
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
