# SPDX-License-Identifier: MIT
"""`FirmwareElf`: a file that is damaged, or of another processor, gets one sentence."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.errors import NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf
from espbench.inspect.elf.structure import Structure

CLASS, DATA = 4, 5
"""Offsets of `EI_CLASS` and `EI_DATA` in an ELF file."""


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    """Return a linked ELF file with a structure."""
    tool = f"{LX60.toolchain}gcc"
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    source = tmp_path / "source.c"
    source.write_text("struct pair { int first, second; } pair;\nint start(void) { return 1; }\n")
    output = tmp_path / "firmware.elf"
    flags = ["-g", "-nostdlib", "-Wl,-e,start", "-Wl,--build-id=none"]
    subprocess.run([tool, *flags, str(source), "-o", str(output)], check=True)
    return output


def look(path: Path) -> Structure:
    """Return the layout of the structure."""
    return FirmwareElf(path).structure("source.c", "pair")


def changed(offset: int, value: int) -> Callable[[bytes], bytes]:
    """Return a function that changes one byte of a file."""
    return lambda data: data[:offset] + bytes((value,)) + data[offset + 1 :]


def test_missing_members(elf: Path) -> None:
    """A structure without a member that is needed is one of an unknown version."""
    layout = look(elf)
    assert layout.offset("second") == 4
    assert not layout.has("third")
    with pytest.raises(NotInspectable, match="structure pair has no member third"):
        layout.offset("third")
    with pytest.raises(NotInspectable, match="structure pair has no member first"):
        layout.offset("first.inner")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) * 9 // 10], id="truncated"),
        pytest.param(lambda data: data[:60], id="only the header"),
        pytest.param(changed(CLASS, 2), id="64 bits"),
        pytest.param(changed(DATA, 2), id="big endian"),
    ],
)
def test_damaged_files(elf: Path, damage: Callable[[bytes], bytes]) -> None:
    """Nothing but NotInspectable is raised."""
    elf.write_bytes(damage(elf.read_bytes()))
    with pytest.raises(NotInspectable, match=r"^firmware\.elf .*\.$"):
        look(elf)


@pytest.mark.parametrize("section", [".debug_abbrev", ".debug_info", ".debug_str"])
def test_sections_that_are_missing_or_noise(elf: Path, section: str) -> None:
    """DWARF that is cut off or overwritten is not taken for a layout, and raises nothing else."""
    tool = f"{LX60.toolchain}objcopy"
    noise = elf.with_name("noise")
    noise.write_bytes(bytes(range(255, 0, -1)))
    for change in (["--remove-section", section], ["--update-section", f"{section}={noise}"]):
        output = elf.with_name("damaged.elf")
        subprocess.run([tool, *change, str(elf), str(output)], check=True, capture_output=True)
        with pytest.raises(NotInspectable, match=r"^damaged\.elf .*\.$"):
            look(output)
