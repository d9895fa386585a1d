# SPDX-License-Identifier: MIT
"""docs/reference/plugin.md has every option and ini setting of the pytest plugin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from espbench.plugin import options

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "plugin.md"


def rows() -> list[tuple[str, str]]:
    """Return option and ini setting of each row of the table."""
    section = PAGE.read_text(encoding="utf-8").split("\n## Options\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `(--[\w-]+)[^`]*` \| (?:`(\w+)`)? ?\|", section, re.M)
    return [(option, ini) for option, ini in found]


def test_every_option_has_a_row() -> None:
    """The table has exactly the options that the plugin adds."""
    parser = pytest.Parser(_ispytest=True)
    options.add(parser)
    added = {
        name for group in parser._groups for option in group.options for name in option.names()
    }
    assert {name for name in added if name.startswith("--espbench")} == {
        option for option, _ in rows()
    }
    assert {name for name in parser._inidict if name.startswith("espbench")} == {
        ini for _, ini in rows() if ini
    }
