# SPDX-License-Identifier: MIT
"""A tool that ESP-IDF installs, as its `tools/tools.json` describes it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EspressifTool"]


@dataclass(frozen=True)
class EspressifTool:
    """Espressif's QEMU, as described in ESP-IDF's `tools.json`.

    Attributes:
        name: name for `idf_tools.py install`.
        release: newest release that espbench knows.
        sha256: checksum of the archive for linux-amd64.
    """

    name: str
    release: str
    sha256: str

    @property
    def install(self) -> str:
        """The command that installs the tool."""
        return f"python3 $IDF_PATH/tools/idf_tools.py install {self.name}"

    def command(self, idf: Path | None, processor: str) -> str:
        """Return a command that installs the tool on this machine, ready to paste.

        Args:
            idf: the folder of the ESP-IDF that is installed, whose release of the tool is taken.
            processor: the host's, as `platform.machine()` names it: x86_64 or aarch64.
        """
        if idf is None:
            return self.unpack(processor)
        return f"python3 {shlex.quote(str(idf / 'tools' / 'idf_tools.py'))} install {self.name}"

    def unpack(self, processor: str) -> str:
        """Return the command that installs the tool where ESP-IDF would, but without ESP-IDF.

        Args:
            processor: the host's, as `platform.machine()` names it: x86_64 or aarch64.
        """
        folder = f"~/.espressif/tools/{self.name}/{self.release}"
        tag = self.release.replace("_", "-")
        archive = f"{self.name}-softmmu-{self.release}-{processor}-linux-gnu"
        return (
            f"mkdir -p {folder} && curl -L "
            f"https://github.com/espressif/qemu/releases/download/{tag}/{archive}.tar.xz "
            f"| tar -xJ -C {folder}"
        )
