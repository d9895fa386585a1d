# SPDX-License-Identifier: MIT
"""ESP-IDF's list of submodules is read, and `make run` begins with `espbench setup`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from espbench.setup.clone import submodules

TREE = Path(__file__).resolve().parents[3]
MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")

GITMODULES = """\
#
# All the relative URL paths are intended to be GitHub ones
#

[submodule "components/esptool_py"]
\tpath = components/mbedtls/mbedtls
\turl = ../../espressif/mbedtls.git
\tsbom-version = 3.6.2

[submodule "components/lwip/lwip"]
        path=components/lwip/lwip
        url = ../../espressif/esp-lwip.git
"""


def test_submodules() -> None:
    """A submodule's name, under which git keeps its repository, may differ from its path."""
    assert submodules(GITMODULES) == [
        ("components/esptool_py", "components/mbedtls/mbedtls"),
        ("components/lwip/lwip", "components/lwip/lwip"),
    ]
    assert submodules("") == []


@pytest.mark.parametrize(
    ("variables", "commands"),
    [
        ((), ["espbench run"]),
        (("BOARD=lx60",), ["espbench run --board lx60"]),
        (("BOARD=esp32",), ["espbench setup --board esp32", "espbench run --board esp32"]),
        (
            ("BOARD=esp32c3", "YES=1", "ARGS=smoke"),
            ["espbench setup --board esp32c3 --yes", "espbench run --board esp32c3 smoke"],
        ),
    ],
)
def test_make_run(variables: tuple[str, ...], commands: list[str]) -> None:
    """`make run BOARD=esp32` installs Espressif's tools first, and tests that board."""
    # This test may itself run under make, whose flags would make this one report its folder.
    environment = {name: value for name, value in os.environ.items() if name not in MAKE}
    shown = subprocess.run(
        ["make", "--dry-run", "run", *variables],
        cwd=TREE,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = [" ".join(line.partition(" run -- ")[2].split()) for line in shown.splitlines()]
    assert found == commands
