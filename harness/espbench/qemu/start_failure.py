# SPDX-License-Identifier: MIT
"""Says why a QEMU cannot start: usually the host lacks a shared library that it is linked with."""

from __future__ import annotations

import re

from espbench.util.system_packages import install_command

__all__ = ["LIBRARIES", "cannot_start", "install_libraries", "reason"]

LIBRARIES = {
    "libgcrypt.so.20": "libgcrypt20",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libpixman-1.so.0": "libpixman-1-0",
    "libSDL2-2.0.so.0": "libsdl2-2.0-0",
    "libslirp.so.0": "libslirp0",
}
"""The Debian package of each shared library that Espressif's QEMU is linked with, besides libc.

On Debian 13, the package libglib2.0-0t64 provides libglib2.0-0.
"""
_MISSING = re.compile(r"error while loading shared libraries: ([^:\s]+): cannot open")
"""What the dynamic loader prints (glibc's elf/dl-load.c)."""


def install_libraries() -> str:
    """Return the command that installs the libraries of Espressif's QEMU."""
    return install_command(*LIBRARIES.values())


def reason(stderr: str) -> tuple[str, str]:
    """Return why a QEMU cannot start, and the command that helps, or "" if none is known.

    Args:
        stderr: what it printed, or the operating system's error.
    """
    if match := _MISSING.search(stderr):
        library = match[1]
        remedy = install_libraries() if library in LIBRARIES else ""
        return f"the shared library {library} is missing", remedy
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return (lines[-1].rstrip(".") if lines else "it prints nothing"), ""


def cannot_start(program: str, stderr: str, reinstall: str = "") -> tuple[str, str]:
    """Return a sentence about a QEMU that cannot start, and the command that helps.

    Args:
        program: its path.
        stderr: what it printed, or the operating system's error.
        reinstall: the command that installs it again, if it is known.
    """
    why, remedy = reason(stderr)
    if remedy:
        return f"{program} cannot start, because {why}: install it with `{remedy}`.", remedy
    if match := _MISSING.search(stderr):
        return (
            f"{program} cannot start, because {why}: install the Debian package that has "
            f"{match[1]}."
        ), f"install the Debian package that has {match[1]}"
    again = f" with `{reinstall}`" if reinstall else ""
    return f"{program} cannot start ({why}): install it again{again}.", reinstall
