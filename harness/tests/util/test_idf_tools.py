# SPDX-License-Identifier: MIT
"""Where ESP-IDF's debuggers are found."""

from __future__ import annotations

from pathlib import Path

from espbench.util.idf_tools import path_with_gdb


def test_gdb_of_esp_idf(tmp_path: Path) -> None:
    """ESP-IDF's debuggers are added at the end of PATH, newest first."""
    folders = [
        tmp_path / "tools" / "xtensa-esp-elf-gdb" / version / "xtensa-esp-elf-gdb" / "bin"
        for version in ("9.2_20200101", "14.2_20240403")
    ]
    for folder in folders:
        folder.mkdir(parents=True)
    path = path_with_gdb({"PATH": "/usr/bin", "IDF_TOOLS_PATH": str(tmp_path)})
    assert path.startswith(f"/usr/bin:{folders[1]}:{folders[0]}")
