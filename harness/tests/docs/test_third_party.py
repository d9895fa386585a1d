# SPDX-License-Identifier: MIT
"""The table of docs/reference/third-party.md has the sources that are pinned."""

from __future__ import annotations

import re
from pathlib import Path

from espbench.firmware.sources import pinned

TREE = Path(__file__).resolve().parents[3]
PAGE = (TREE / "docs" / "reference" / "third-party.md").read_text()
PORT = TREE / "firmware" / "ports" / "lx60"


def test_sources() -> None:
    """Each source has a row with its version and licence, upstream's support and advisories."""
    table = PAGE.partition("| source | version |")[2].partition("\n\n")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]
    assert [row[:3] for row in rows] == [
        [source.name, source.version, source.licence] for source in pinned().sources.values()
    ]
    assert all(len(row) == 5 and all(row) for row in rows)


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
