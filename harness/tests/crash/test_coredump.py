# SPDX-License-Identifier: MIT
"""Core dumps are decoded by Espressif's tool; without it, the message says how."""

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
    """Return a folder for a fake decoder, which Python finds as a module."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(coredump, "MODULE", "fake_coredump")
    return tmp_path


def test_decoded(core: Path, tool: Path) -> None:
    """The tool is run with this core dump and this ELF."""
    (tool / "fake_coredump.py").write_text("import sys; print(*sys.argv[1:])\n")
    assert coredump.decoded(core, Path("/f.elf")) == (
        f"info_corefile --core-format b64 --core {core} /f.elf\n"
    )


def test_failed(core: Path, tool: Path) -> None:
    """The last line of the tool's output is in the message."""
    (tool / "fake_coredump.py").write_text("raise SystemExit('no gdb')\n")
    assert coredump.decoded(core, Path("/f.elf")) == (
        "esp-coredump could not decode core-1.b64 (no gdb): check that ESP-IDF's gdb is installed, "
        f"then run {BY_HAND}.\n"
    )


def test_too_slow(core: Path, tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging tool does not block the report."""
    monkeypatch.setattr(coredump, "PATIENCE", 0.01)
    (tool / "fake_coredump.py").write_text("import threading; threading.Event().wait()\n")
    assert coredump.decoded(core, Path("/f.elf")) == (
        f"esp-coredump did not decode core-1.b64 within 0.01 s: run {BY_HAND}.\n"
    )


def test_not_installed(core: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tool, or without an ELF, the message says what to do."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert coredump.decoded(core, Path(sys.executable)) == (
        "The core dump in core-1.b64 cannot be decoded without esp-coredump: install it with pip "
        f"install 'espbench[esp]', then run {BY_HAND}.\n"
    )
    assert coredump.decoded(core, None) == (
        "The core dump in core-1.b64 cannot be decoded without an ELF: name one with "
        "--firmware-elf (pytest: --espbench-firmware-elf, Device: elf).\n"
    )
