# SPDX-License-Identifier: MIT
"""The `apt-get` command that installs Debian packages."""

from __future__ import annotations

__all__ = ["APT", "apt"]

APT = "apt-get install --no-install-recommends"
"""Without `--no-install-recommends`, apt-get would install another 850 MB."""


def apt(*packages: str) -> str:
    """Return the command that installs these Debian packages."""
    return " ".join([APT, *packages])
