# SPDX-License-Identifier: MIT
"""docs/tutorial/your-firmware.md works, command by command, in an empty folder.

ESP-IDF is not needed: a stand-in for idf.py hands out the reference firmware, and the board is
`lx60`. Of the checks, the family `boot` runs. That is all that is replaced.
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
[ "$*" = "-C firmware -D IDF_TARGET=esp32 merge-bin" ] || exit 1
grep -q USE_OPENETH firmware/sdkconfig.defaults || exit 1
mkdir -p firmware/build && cp "$STAND_IN" firmware/build/merged-binary.bin
"""
CHECK = "espbench check firmware/build/merged-binary.bin\n"


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
    (programs / "idf.py").write_text(IDF)
    (programs / "idf.py").chmod(0o755)
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
            board = text.replace("= esp32", "= lx60")
            (project / FILE.findall(before)[-1]).write_text(board)
        elif language == "sh" and not text.startswith(INSTALL):
            done = subprocess.run(
                ["bash", "-euc", f"{text.strip()} --only boot" if text == CHECK else text],
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
            assert (text == CHECK) == ("boot.comes_up" in said), said
        elif not language:
            assert [line for line in text.splitlines() if line not in said] == [], said
    assert ran == 6
    (evidence,) = re.findall(r"`(evidence/[\w-]+)`", PAGE.read_text(encoding="utf-8"))
    for name in ("console.txt", "net.pcap", "command.txt"):
        assert (project / evidence / name).is_file()
    assert (project / "report.html").is_file()


def test_what_it_installs_is_what_others_install() -> None:
    """The block that is not run installs what ci/README.md installs, for an existing board."""
    (install,) = [text for language, text, _ in blocks() if text.startswith(INSTALL)]
    (source,) = re.findall(r'pip install "(\S+)"', install)
    assert source in (TREE / "ci" / "README.md").read_text(encoding="utf-8")
    (board,) = re.findall(r"espbench doctor --board (\w+)", install)
    assert board in BOARDS
