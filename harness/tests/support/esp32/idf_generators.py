# SPDX-License-Identifier: MIT
"""ESP-IDF's generators of partitions, which tests compare espbench's with."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

__all__ = ["fatfsgen", "fatfsparse", "spiffsgen"]


def _run(tool: str, *arguments: str, cwd: Path) -> None:
    idf = os.environ.get("IDF_PATH", "")
    script = Path(idf, "components", tool)
    if not idf or not script.is_file():
        pytest.skip("ESP-IDF, whose generators these need, was not found: point IDF_PATH at it.")
    python = Path(os.environ.get("IDF_PYTHON_ENV_PATH", ""), "bin/python")
    if not python.is_file():
        pytest.skip("ESP-IDF's Python environment was not found: set IDF_PYTHON_ENV_PATH.")
    subprocess.run([python, script, *arguments], cwd=cwd, check=True, capture_output=True)


def _generated(tool: str, files: Mapping[str, bytes], before: bool, *arguments: str) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, data in files.items():
            file = folder / "content" / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        content = str(folder / "content")
        named = (arguments[0], content, "made") if before else (content, "--output_file", "made")
        _run(tool, *named, *(arguments[1:] if before else arguments), cwd=folder)
        return (folder / "made").read_bytes()


def spiffsgen(files: Mapping[str, bytes], size: int, *options: str) -> bytes:
    """Return the SPIFFS partition that spiffsgen.py makes of files."""
    return _generated("spiffs/spiffsgen.py", files, True, str(size), *options)


def fatfsgen(files: Mapping[str, bytes], size: int, *options: str, tool: str) -> bytes:
    """Return the FAT partition that fatfsgen.py or wl_fatfsgen.py makes of files."""
    arguments = ("--partition_size", str(size), "--long_name_support", *options)
    return _generated(f"fatfs/{tool}", files, False, *arguments)


def fatfsparse(partition: bytes) -> dict[str, bytes]:
    """Return the files that fatfsparse.py finds in a FAT partition, with or without wear
    levelling."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "partition").write_bytes(partition)
        _run("fatfs/fatfsparse.py", "partition", cwd=folder)
        root = next(path for path in folder.iterdir() if path.is_dir())
        return {
            f"/{path.relative_to(root).as_posix()}": path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }
