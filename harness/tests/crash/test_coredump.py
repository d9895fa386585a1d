# SPDX-License-Identifier: MIT
"""Core dumps are decoded by Espressif's tool, and without it the sentence says how."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from espbench.crash import coredump

BY_HAND = "espcoredump.py info_corefile --core-format b64 --core core-1.b64 firmware.elf"


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """Return a core dump in base64."""
    path = tmp_path / "core-1.b64"
    path.write_text("UDkAAA==\n")
    return path


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that has the decoder, as somebody's Python finds it."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(coredump, "MODULE", "fake_coredump")
    return tmp_path


def test_decoded(core: Path, tool: Path) -> None:
    """The tool is asked about this core and this ELF."""
    (tool / "fake_coredump.py").write_text("import sys; print(*sys.argv[1:])\n")
    assert coredump.decoded(core, Path("/f.elf")) == (
        f"info_corefile --core-format b64 --core {core} /f.elf\n"
    )


def test_failed(core: Path, tool: Path) -> None:
    """The tool's last words are in the sentence."""
    (tool / "fake_coredump.py").write_text("raise SystemExit('no gdb')\n")
    assert coredump.decoded(core, Path("/f.elf")) == (
        "esp-coredump could not decode core-1.b64 (no gdb): is ESP-IDF's gdb installed? Then run "
        f"{BY_HAND}.\n"
    )


def test_too_slow(core: Path, tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that hangs does not hold up the report."""
    monkeypatch.setattr(coredump, "PATIENCE", 0.01)
    (tool / "fake_coredump.py").write_text("import threading; threading.Event().wait()\n")
    assert coredump.decoded(core, Path("/f.elf")) == (
        f"esp-coredump did not decode core-1.b64 within 0.01 s: run {BY_HAND}.\n"
    )


def test_not_installed(core: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tool, or without an ELF, the sentence says what to do."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert coredump.decoded(core, Path(sys.executable)) == (
        "The core dump is in core-1.b64, and esp-coredump is not installed: install it with pip "
        f"install 'espbench[esp]', then run {BY_HAND}.\n"
    )
    assert coredump.decoded(core, None) == (
        "The core dump is in core-1.b64, and there is no ELF to decode it with: name one with "
        "--espbench-firmware-elf.\n"
    )


def test_gdb_of_esp_idf(tmp_path: Path) -> None:
    """ESP-IDF's debuggers are behind what is on PATH, newest first."""
    folders = [
        tmp_path / "tools" / "xtensa-esp-elf-gdb" / version / "xtensa-esp-elf-gdb" / "bin"
        for version in ("9.2_20200101", "14.2_20240403")
    ]
    for folder in folders:
        folder.mkdir(parents=True)
    path = coredump.path_with_gdb({"PATH": "/usr/bin", "IDF_TOOLS_PATH": str(tmp_path)})
    assert path.startswith(f"/usr/bin:{folders[1]}:{folders[0]}")
