# SPDX-License-Identifier: MIT
"""The gdb for each board, and the command that attaches it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from espbench.boards.builtin import ESP32, ESP32C3, LX60
from espbench.qemu.debugger import find_gdb, freertos_import, gdb_command, missing
from espbench.util import idf_tools

FAKE_GDB = f"""\
#!/bin/sh
# gdb -nx -batch -ex "python CODE", with a Python that has the modules beside this script only
export PYTHONPATH="$(dirname "$0")"
exec {shlex.quote(sys.executable)} -S -c "${{4#python }}"
"""


def program(folder: Path, name: str, text: str = "") -> Path:
    """Make an executable file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_gdb_on_path(tmp_path: Path) -> None:
    """The gdb of the board's toolchain comes first; for RISC-V, Debian's can stand in for it."""
    here = {"PATH": str(tmp_path), "IDF_TOOLS_PATH": str(tmp_path / "idf")}
    assert find_gdb(ESP32C3, here) is None
    program(tmp_path, "gdb-multiarch")
    assert find_gdb(ESP32C3, here) == "gdb-multiarch"
    assert find_gdb(ESP32, here) is None  # gdb-multiarch does not know Xtensa
    for board in (LX60, ESP32, ESP32C3):
        program(tmp_path, f"{board.toolchain}gdb")
        assert find_gdb(board, here) == f"{board.toolchain}gdb"


def test_gdb_of_esp_idf(tmp_path: Path) -> None:
    """A gdb that ESP-IDF installed is named by its path if it is not on PATH."""
    tool = "tools/xtensa-esp-elf-gdb/14.2_20240403/xtensa-esp-elf-gdb/bin"
    installed = program(tmp_path / "idf" / tool, "xtensa-esp32-elf-gdb")
    here = {"PATH": str(tmp_path), "IDF_TOOLS_PATH": str(tmp_path / "idf")}
    assert find_gdb(ESP32, here) == str(installed)


def test_how_to_get_a_gdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gdb, one sentence says how to get one, with a command that can be pasted."""
    monkeypatch.setattr(idf_tools, "USUAL_PLACES", ())
    here = {"IDF_TOOLS_PATH": str(tmp_path)}
    assert missing(LX60, here) == (
        "xtensa-lx106-elf-gdb is not on PATH: get Espressif's toolchain for the ESP8266 (Debian "
        "does not package this gdb), and add its bin folder to PATH in that terminal."
    )
    start = "xtensa-esp32-elf-gdb is not on PATH: install"
    setup = "espbench setup --board esp32"
    assert missing(ESP32, here) == f"{start} ESP-IDF, which has it, with {setup}."
    tools = tmp_path / "idf" / "tools"
    tools.mkdir(parents=True)
    (tools / "idf.py").touch()
    assert missing(ESP32, {**here, "IDF_PATH": str(tmp_path / "idf")}) == (
        f"{start} it with python3 {tools}/idf_tools.py install xtensa-esp-elf-gdb."
    )
    assert missing(ESP32C3, here) == (
        "riscv32-esp-elf-gdb or gdb-multiarch is not on PATH: install the second one with "
        "apt-get install --no-install-recommends gdb-multiarch."
    )


def test_command() -> None:
    """A shell splits it into the intended arguments, whatever the path is."""
    text = gdb_command("my-gdb", 4711, Path("/a b/it's.elf"), "import freertos_gdb")
    assert shlex.split(text) == [
        *("my-gdb", "-ex", "target remote 127.0.0.1:4711"),
        *("-ex", "python import freertos_gdb", "/a b/it's.elf"),
    ]
    assert gdb_command("my-gdb", 1, None) == "my-gdb -ex 'target remote 127.0.0.1:1'"


def test_freertos_gdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """freertos-gdb is loaded from gdb's Python, else from this one, and only where it loads."""
    ours, theirs = tmp_path / "site packages", tmp_path / "gdb"
    fake = str(program(theirs, "gdb", FAKE_GDB))
    assert freertos_import(fake) == ""
    assert freertos_import(str(tmp_path / "no-gdb")) == ""
    for folder in (ours, theirs):
        (folder / "freertos_gdb").mkdir(parents=True)
    (ours / "freertos_gdb" / "__init__.py").touch()
    (theirs / "freertos_gdb").rmdir()
    monkeypatch.syspath_prepend(str(ours))
    assert freertos_import(fake) == f'import sys; sys.path.append("{ours}"); import freertos_gdb'
    (theirs / "freertos_gdb.py").touch()
    assert freertos_import(fake) == "import freertos_gdb"
    assert freertos_import(str(program(tmp_path, "gdb-without-python", "#!/bin/sh\n"))) == ""
