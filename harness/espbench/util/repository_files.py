# SPDX-License-Identifier: MIT
"""Finds files of the repository, in a clone or in the folder `_tree` of a wheel."""

from __future__ import annotations

from pathlib import Path

from espbench.errors import ConfigError

__all__ = ["WHEEL_TREE", "repository_file"]

PACKAGE = Path(__file__).resolve().parents[1]
WHEEL_TREE = PACKAGE / "_tree"
"""The folder of a wheel that holds them."""


def repository_file(name: str) -> Path:
    """Return the path of a file in the repository, such as `certs/good.toml`.

    Raises:
        ConfigError: this installation does not have it.
    """
    for root in (PACKAGE.parents[1], WHEEL_TREE):
        if (path := root / name).is_file():
            return path
    raise ConfigError(
        f"This espbench was installed without {name}: install it from a wheel or a clone of the "
        "project."
    )
