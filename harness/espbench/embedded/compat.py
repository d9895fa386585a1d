# SPDX-License-Identifier: MIT
"""Which versions of pytest-embedded fit: espbench takes the place of two of its classes.

The ranges are those of the extra `embedded` in espbench's own metadata, so that what pip installs
and what is accepted here are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement

EXTRA = "embedded"
PACKAGE = "pytest-embedded-qemu"
"""The one that a dut in QEMU cannot do without."""


def wanted() -> list[Requirement]:
    """Return the extra's requirements; none when espbench itself is not installed."""
    try:
        listed = metadata.requires("espbench") or []
    except metadata.PackageNotFoundError:
        return []
    return [requirement for text in listed if _of_extra(requirement := Requirement(text))]


def _of_extra(requirement: Requirement) -> bool:
    marker = requirement.marker
    return (
        marker is not None
        and marker.evaluate({"extra": EXTRA})
        and not marker.evaluate({"extra": ""})
    )


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
                    f"`pip install 'espbench[{EXTRA}]'`."
                )
        elif not requirement.specifier.contains(version, prereleases=True):
            return (
                f"{requirement.name} {version} does not fit this espbench, which takes "
                f"{requirement.specifier}: install that with `pip install 'espbench[{EXTRA}]'`, "
                "or leave pytest-embedded's own QEMU alone with --espbench-dut=off."
            )
    return ""
