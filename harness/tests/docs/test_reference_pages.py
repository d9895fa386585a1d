# SPDX-License-Identifier: MIT
"""The reference pages show what they take from the code, and are current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cli_page
import pytest
import reference_pages
from espbench.check.families import all_checks
from espbench.cli.main import make_parser
from reference_pages import BEGIN, END, REFERENCE, filled, names_in


def test_pages_are_current() -> None:
    """What is committed is what the code says."""
    # In a process of its own: what tests imported before decides about the order of checks.
    command = [sys.executable, reference_pages.__file__, "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = "run python tools/docs/reference_pages.py, and commit docs/reference"
    assert (done.returncode, done.stdout) == (0, ""), told + done.stderr


def test_the_checks_can_be_read() -> None:
    """Each check has a row below its family's heading, with its sentence, source and severity."""
    text = (REFERENCE / "checks.md").read_text(encoding="utf-8")
    families = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    assert len(all_checks()) > 100
    for each in all_checks():
        cells = (each.title, each.source, each.severity.value)
        shown = " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in cells)
        assert f"| `{each.name}` | {shown.replace('<', '&lt;')} |" in families[each.family]


def test_the_command_line_can_be_read() -> None:
    """Each command has a heading, and each of its options a row."""
    text = (REFERENCE / "command-line.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## espbench (\S+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    for name, parser in cli_page.commands(make_parser()).items():
        for action in parser._actions:
            for option in action.option_strings:
                assert f"`{option}" in sections[name], (name, option)


def test_the_names_of_a_page() -> None:
    """A module stands for its `__all__`, and a class with inherited members for these, too."""
    text = "::: espbench.errors\n    options:\n      x: y\n\n::: espbench.HeapInfo\n"
    names = dict(names_in(text))
    assert {"espbench.errors.QemuDied", "espbench.HeapInfo"} < set(names)
    inherited = dict(names_in("::: espbench.Device\n    options:\n      inherited_members: true\n"))
    assert {"espbench.Device", "espbench.Device.tasks", "espbench.Device.console"} < set(inherited)
    assert set(dict(names_in("::: espbench.Device\n"))) == {"espbench.Device"}


def test_a_written_part(tmp_path: Path) -> None:
    """Only the part between the marks is written, each name with its first sentence."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\n::: espbench.HeapInfo\n", encoding="utf-8")
    assert filled(page) == (
        f"before\n{BEGIN}\n\n{reference_pages.HEAD}\n"
        "| `espbench.HeapInfo` | Figures of the device's heaps, in bytes unless stated otherwise. |"
        f"\n\n{END}\n::: espbench.HeapInfo\n"
    )
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="has no part between"):
        filled(page)
