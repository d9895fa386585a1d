# SPDX-License-Identifier: MIT
"""docs/reference/third-party.md lists what the firmware is made of."""

from __future__ import annotations

import re
from pathlib import Path

from espbench.doctor.parts import parts
from espbench.firmware.sources import pinned

TREE = Path(__file__).resolve().parents[3]
PAGE = (TREE / "docs" / "reference" / "third-party.md").read_text()
PORT = TREE / "firmware" / "ports" / "lx60"


def test_parts() -> None:
    """The page has the list of `espbench doctor --sources`, row by row and cell by cell."""
    table = PAGE.partition("| part | version |")[2].partition("\n\n")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]
    assert [(row[:3], row[4], row[5], row[7]) for row in rows] == [
        ([part.name, part.version, part.licence], part.origin, part.support, part.looked_at)
        for part in parts()
    ]
    assert [re.findall(r"`(\w+)`", row[3]) for row in rows] == [list(p.boards) for p in parts()]
    shown = [re.sub(r"\[.*?\]\(\.\./\.\./(.*?)\)", r"`\1`", row[6]) for row in rows]
    assert shown == [part.advisories for part in parts()]
    assert all(len(row) == 8 and all(row) for row in rows)


def test_debian_patches() -> None:
    """The patches of each source package are accounted for, in the version that is pinned."""
    table = PAGE.partition("| source package |")[2].partition("\n\n")[0]
    for source in pinned().sources.values():
        assert re.search(rf"^\| [\w-]+ {re.escape(source.version)}\b", table, re.MULTILINE), source


def test_readme_of_the_port() -> None:
    """The port's README has the versions that are pinned."""
    text = (PORT / "README.md").read_text()
    sources = pinned().sources
    for name, title in (
        ("micropython", "MicroPython v"),
        ("lwip", "lwIP "),
        ("mbedtls", "Mbed TLS "),
    ):
        assert f"{title}{sources[name].version} " in text
