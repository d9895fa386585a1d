# SPDX-License-Identifier: MIT
"""The `apt-get` line that installs Debian packages."""

from __future__ import annotations

__all__ = ["APT", "apt"]

APT = "apt-get install --no-install-recommends"
"""What installs Debian's packages, without the 850 MB that these recommend."""


def apt(*packages: str) -> str:
    """Return the line that installs Debian's packages."""
    return " ".join([APT, *packages])
