# SPDX-License-Identifier: MIT
"""A tool that ESP-IDF installs, as its `tools/tools.json` describes it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EspressifTool"]


@dataclass(frozen=True)
class EspressifTool:
    """Espressif's QEMU or gdb, as described in ESP-IDF's `tools.json`.

    Attributes:
        name: name for `idf_tools.py install`.
    """

    name: str

    def install(self, idf: Path) -> str:
        """Return the command that installs the tool with an ESP-IDF, ready to paste.

        Args:
            idf: the folder of ESP-IDF, whose `tools.json` names the tool's release.
        """
        return f"python3 {shlex.quote(str(idf / 'tools' / 'idf_tools.py'))} install {self.name}"
