# SPDX-License-Identifier: MIT
"""The command that installs packages of the system: apt-get's, or that of another system."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from espbench.util.listing import listing

__all__ = ["APT", "install_command"]

APT = "apt-get install --no-install-recommends"
"""Without `--no-install-recommends`, apt-get would install another 850 MB."""


@dataclass(frozen=True)
class _Manager:
    """Another package manager.

    Attributes:
        program: its program, by which it is recognized.
        names: its names of packages, by Debian's.
    """

    program: str
    names: Mapping[str, str]


OTHERS = (
    _Manager(
        "dnf",  # Fedora
        {
            "cmake": "cmake",
            "gdb-multiarch": "gdb",
            "git": "git",
            "libgcrypt20": "libgcrypt",
            "libglib2.0-0": "glib2",
            "libpixman-1-0": "pixman",
            "libsdl2-2.0-0": "SDL2",
            "libslirp0": "libslirp",
            "make": "make",
            "ninja-build": "ninja-build",
            "qemu-system-misc": "qemu-system-xtensa",
            "util-linux": "util-linux",
        },
    ),
    _Manager(
        "brew",  # macOS
        {
            "cmake": "cmake",
            "gdb-multiarch": "gdb",
            "git": "git",
            "libgcrypt20": "libgcrypt",
            "libglib2.0-0": "glib",
            "libpixman-1-0": "pixman",
            "libsdl2-2.0-0": "sdl2",
            "libslirp0": "libslirp",
            "make": "make",
            "ninja-build": "ninja",
            "qemu-system-misc": "qemu",
        },
    ),
)


def install_command(*packages: str) -> str:
    """Return the command that installs these packages on this system, by their names in Debian.

    What another system's package is called, if it has one, is known only for some of them; the rest
    are named as Debian's.
    """
    manager = None if shutil.which("apt-get") else next(filter(_is_here, OTHERS), None)
    if manager is None:
        return " ".join([APT, *packages])
    known = [manager.names[name] for name in packages if name in manager.names]
    unknown = [name for name in packages if name not in manager.names]
    parts = [f"{manager.program} install {' '.join(known)}"] if known else []
    if unknown:
        parts.append(f"this system's equivalent of Debian's {listing(unknown)}")
    return ", and ".join(parts)


def _is_here(manager: _Manager) -> bool:
    return shutil.which(manager.program) is not None
