# SPDX-License-Identifier: MIT
"""JUnit XML of a session: its properties say what was tested, and on what."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import foreign
import pytest
from espbench.boards.builtin import LX60
from espbench.errors import BuildError, ToolMissing
from espbench.firmware import source_tree
from espbench.firmware.download import sha256_of
from espbench.plugin.evidence import junit_properties
from espbench.qemu.process import dotted, find_qemu, qemu_version
from espbench.util.version import __version__
from inner_pytest import inner_pytest

USES = "def test_it(device): pass\n"
NOTHING = "def test_it(): pass\n"


def found(path: Path) -> dict[str | None, str | None]:
    """Return the properties of the test suite in a file, by name."""
    return {each.get("name"): each.get("value") for each in ET.parse(path).iter("property")}


@pytest.mark.parametrize("workers", ["0", "2"])
def test_properties(tmp_path: Path, workers: str) -> None:
    """The file names board, QEMU, firmware and host; pytest-xdist's workers change nothing."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_own.py").write_text(USES)
    inner_pytest(
        tmp_path,
        *(f"--espbench-firmware={firmware}", f"--espbench-ready-console={foreign.READY}"),
        *("--junitxml=suites.xml", "-n", workers),
    )
    seen = found(tmp_path / "suites.xml")
    assert seen["board"] == "lx60"
    assert seen["QEMU"] == dotted(qemu_version(find_qemu(LX60)))
    assert seen["firmware sha256"] == sha256_of(firmware)
    assert seen["espbench"] == __version__
    assert "ESP-IDF" not in seen  # this firmware has none


def test_no_properties_without_a_board(tmp_path: Path) -> None:
    """A session whose tests use no device keeps pytest's own file."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_own.py").write_text(NOTHING)
    inner_pytest(tmp_path, "--junitxml=suites.xml")
    assert found(tmp_path / "suites.xml") == {}


def test_what_is_missing_is_omitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without QEMU, and without the sources of espbench's firmware, the rest is still named."""

    def no_qemu(_board: object) -> str:
        raise ToolMissing("no QEMU")

    def no_tree() -> Path:
        raise BuildError("no sources")

    monkeypatch.setattr(junit_properties, "find_emulator", no_qemu)
    monkeypatch.setattr(source_tree, "root", no_tree)
    seen = junit_properties.properties(LX60, None)
    assert {"board", "host", "Python", "espbench"} <= set(seen)
    assert not {"QEMU", "firmware sha256"} & set(seen)
