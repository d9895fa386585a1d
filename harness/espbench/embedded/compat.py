# SPDX-License-Identifier: MIT
"""Checks the version of pytest-embedded, because espbench replaces some of its classes.

The ranges come from espbench's metadata, so pip installs a version that is accepted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement

PREFIX = "pytest-embedded"
PACKAGE = "pytest-embedded-qemu"
"""The package that a dut in QEMU requires."""


def wanted() -> list[Requirement]:
    """Return espbench's requirements of pytest-embedded; none if espbench is not installed."""
    try:
        listed = metadata.requires("espbench") or []
    except metadata.PackageNotFoundError:
        return []
    return [Requirement(text) for text in listed if text.startswith(PREFIX)]


def installed(name: str) -> str | None:
    """Return the version of a package, or None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def misfit(
    requirements: Iterable[Requirement] | None = None,
    version_of: Callable[[str], str | None] | None = None,
) -> str:
    """Return why the installed versions are incompatible, or "".

    Args:
        requirements: the compatible versions, by default `wanted()`.
        version_of: returns the version of a package, by default `installed`.
    """
    look = version_of or installed
    for requirement in wanted() if requirements is None else requirements:
        version = look(requirement.name)
        if version is None:
            if requirement.name == PACKAGE:
                return (
                    f"{PACKAGE} is not installed, but a dut in QEMU needs it: install it with "
                    f"`pip install '{requirement}'`."
                )
        elif not requirement.specifier.contains(version, prereleases=True):
            return (
                f"{requirement.name} {version} does not work with this espbench, which needs "
                f"{requirement.specifier}: install that with `pip install '{requirement}'`, "
                "or use pytest-embedded's own QEMU with --espbench-dut=off."
            )
    return ""
