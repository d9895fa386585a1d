# SPDX-License-Identifier: MIT
"""docs/tutorial/your-firmware.md works, command by command, in an empty folder.

ESP-IDF is not needed: stand-ins for idf.py and esptool.py hand out the reference firmware, and the
board is `lx60`. That is all that is replaced.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from espbench.boards.builtin import BOARDS
from espbench.firmware import build

TREE = Path(__file__).resolve().parents[3]
PAGE = TREE / "docs" / "tutorial" / "your-firmware.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FILE = re.compile(r"^Write `([\w.]+)`:$", re.M)
INSTALL = "python3 -m venv"
"""Beginning of the block that harness/tests/packaging and ci/newcomer.py run."""
IDF = """#!/bin/sh
[ "$1 $2" = "-C firmware" ] && grep -q USE_OPENETH firmware/sdkconfig.defaults || exit 1
mkdir -p firmware/build && cp "$STAND_IN" firmware/build/simple.elf
"""
ESPTOOL = """#!/bin/sh
[ "$1 $2 $3" = "--chip esp32 merge_bin" ] && [ "$6" = "@flash_args" ] && cp "$STAND_IN" "$5"
"""


def blocks() -> Iterator[tuple[str, str, str]]:
    """Return the language and text of each block, and the text before it."""
    end = 0
    text = PAGE.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        yield found[1], found[2], text[end : found.start()]
        end = found.end()


def machine(folder: Path) -> dict[str, str]:
    """Return an environment with ESP-IDF, or with stand-ins for it."""
    example = folder / "idf" / "examples" / "protocols" / "http_server" / "simple"
    example.mkdir(parents=True)
    programs = folder / "bin"
    programs.mkdir()
    for name, text in (("idf.py", IDF), ("esptool.py", ESPTOOL)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    return {
        **kept,
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "IDF_PATH": str(folder / "idf"),
        "STAND_IN": str(build.firmware(BOARDS["lx60"])),
    }


def test_every_command_works(tmp_path: Path) -> None:
    """Run each shell block, write each file, and compare each output."""
    environment = machine(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    said, ran = "", 0
    for language, text, before in blocks():
        if language in ("ini", "python"):
            board = text.replace("= esp32", "= lx60").replace("firmware.bin", "firmware.elf")
            (project / FILE.findall(before)[-1]).write_text(board)
        elif language == "sh" and not text.startswith(INSTALL):
            done = subprocess.run(
                ["bash", "-euc", text],
                cwd=project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            said, ran = done.stdout, ran + 1
            assert (done.returncode == 0) == ("fails" not in before), said
        elif not language:
            assert [line for line in text.splitlines() if line not in said] == [], said
    assert ran == 6
    assert (project / "report.html").is_file()


def test_what_it_installs_is_what_others_install() -> None:
    """The block that is not run installs what ci/README.md installs, for an existing board."""
    (install,) = [text for language, text, _ in blocks() if text.startswith(INSTALL)]
    (source,) = re.findall(r'pip install "(\S+)"', install)
    assert source in (TREE / "ci" / "README.md").read_text(encoding="utf-8")
    (board,) = re.findall(r"espbench doctor --board (\w+)", install)
    assert board in BOARDS
