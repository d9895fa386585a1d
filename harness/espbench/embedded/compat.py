# SPDX-License-Identifier: MIT
"""Which versions of pytest-embedded fit: espbench puts classes of its own in place of two of its.

The ranges are those in espbench's own metadata, so that pip installs what is accepted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement

PREFIX = "pytest-embedded"
PACKAGE = "pytest-embedded-qemu"
"""The one that a dut in QEMU cannot do without."""


def wanted() -> list[Requirement]:
    """Return what espbench requires of it; nothing when espbench itself is not installed."""
    try:
        listed = metadata.requires("espbench") or []
    except metadata.PackageNotFoundError:
        return []
    return [Requirement(text) for text in listed if text.startswith(PREFIX)]


def installed(name: str) -> str | None:
    """Return the version of a package, or None when it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def misfit(
    requirements: Iterable[Requirement] | None = None,
    version_of: Callable[[str], str | None] | None = None,
) -> str:
    """Return the sentence that says why the installed versions do not fit, or "".

    Args:
        requirements: what fits, by default `wanted()`.
        version_of: looks a package up, by default `installed`.
    """
    look = version_of or installed
    for requirement in wanted() if requirements is None else requirements:
        version = look(requirement.name)
        if version is None:
            if requirement.name == PACKAGE:
                return (
                    f"{PACKAGE} is not installed, and a dut in QEMU needs it: install it with "
                    f"`pip install '{requirement}'`."
                )
        elif not requirement.specifier.contains(version, prereleases=True):
            return (
                f"{requirement.name} {version} does not fit this espbench, which takes "
                f"{requirement.specifier}: install that with `pip install '{requirement}'`, "
                "or leave pytest-embedded's own QEMU alone with --espbench-dut=off."
            )
    return ""
