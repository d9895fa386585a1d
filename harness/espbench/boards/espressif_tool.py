# SPDX-License-Identifier: MIT
"""A tool that ESP-IDF installs, as its `tools/tools.json` describes it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EspressifTool"]


@dataclass(frozen=True)
class EspressifTool:
    """Espressif's QEMU, as ESP-IDF's `tools.json` has it.

    Attributes:
        name: what `idf_tools.py install` takes.
        release: the newest that espbench knows of.
        sha256: of its archive for linux-amd64.
    """

    name: str
    release: str
    sha256: str

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"python $IDF_PATH/tools/idf_tools.py install {self.name}"
