"""Which versions of pytest-embedded fit: espbench takes the place of two of its classes."""

from __future__ import annotations

import re
from importlib import metadata

PACKAGE = "pytest-embedded-qemu"
LEAST, BELOW = (2, 9), (3,)


def installed() -> str | None:
    """Return the version of the plugin's part that runs QEMU, or None when it is not there."""
    try:
        return metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        return None


def misfit(version: str | None) -> str:
    """Return the sentence that says why this version does not fit, or ""."""
    if version is None:
        return (
            f"{PACKAGE} is not installed, and a dut in QEMU needs it: install it with "
            "`pip install 'espbench[embedded]'`."
        )
    numbers = tuple(map(int, re.findall(r"\d+", version)))
    if LEAST <= numbers < BELOW:
        return ""
    return (
        f"{PACKAGE} {version} does not fit this espbench, which knows 2.9 and newer below 3: "
        "install that with `pip install 'espbench[embedded]'`, or leave pytest-embedded's own QEMU "
        "alone with --espbench-dut=off."
    )
