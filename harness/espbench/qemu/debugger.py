# SPDX-License-Identifier: MIT
"""The command that attaches gdb to QEMU's gdb stub: which gdb, and its arguments.

What ESP-IDF also tells gdb (`tools/cmake/gdbinit.cmake`, and its guide to JTAG debugging) is for a
chip: QEMU has as many breakpoints and watchpoints as gdb wants, and gdb need not be made to forget
registers that OpenOCD has changed.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from espbench.boards.board import Board
from espbench.errors import QmpError
from espbench.qemu.qmp import Qmp
from espbench.util.idf_tools import find_idf, path_with_gdb
from espbench.util.timeouts import Deadline

__all__ = [
    "CHARDEV",
    "HOST",
    "find_gdb",
    "freertos_import",
    "gdb_command",
    "gdb_port",
    "missing",
    "usual_gdb",
]

HOST = "127.0.0.1"
"""The stub listens on TCP, because every gdb connects to it: for Unix sockets gdb 8.3 is needed,
and that of Espressif's toolchain for the ESP8266 is older. So do the debuggers of editors."""
CHARDEV = "gdb"
"""Label that QEMU gives to the character device of its gdb stub."""
FREERTOS = "freertos_gdb"
"""Module of the package freertos-gdb, which adds the command `freertos` to gdb."""
PATIENCE = 20.0
"""Time-out in seconds (scaled) for gdb to import a module."""


def usual_gdb(board: Board) -> str:
    """Return the name of the gdb in the board's toolchain."""
    return f"{board.toolchain}gdb"


def find_gdb(board: Board, environment: Mapping[str, str]) -> str | None:
    """Return the board's gdb: its name if it is on PATH, else its path in ESP-IDF's tools folder.

    None means that there is none.
    """
    names = (usual_gdb(board), *board.other_gdbs)
    for name in names:
        if shutil.which(name, path=environment.get("PATH")):
            return name
    path = path_with_gdb(environment)
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def missing(board: Board, environment: Mapping[str, str]) -> str:
    """Return the sentence for a machine without a gdb for the board, with a command to paste."""
    names = " or ".join((usual_gdb(board), *board.other_gdbs))
    idf = find_idf(environment)
    if board.gdb_package:
        where = board.gdb_package
    elif board.gdb_tool is None:
        where = "get it with the board's toolchain, and add it to PATH"
    elif idf is None:
        where = f"install ESP-IDF, which has it, with espbench setup --board {board.name}"
    else:
        where = f"install it with {board.gdb_tool.install(idf)}"
    return f"{names} is not on PATH: {where}."


def gdb_command(program: str, port: int, elf: Path | None, freertos: str = "") -> str:
    """Return the shell command that debugs the guest.

    Args:
        program: see `find_gdb`.
        port: TCP port of the stub.
        elf: the firmware with debugging information, or None.
        freertos: see `freertos_import`.
    """
    command = [program, "-ex", f"target remote {HOST}:{port}"]
    if freertos:
        command += ["-ex", f"python {freertos}"]
    if elf is not None:
        command.append(str(elf))
    return shlex.join(command)


def freertos_import(program: str) -> str:
    """Return the Python code that loads freertos-gdb into gdb, or "" if it is not installed.

    It may be installed for gdb's Python or for this one; it needs no other package.
    """
    attempts = [f"import {FREERTOS}"]
    spec = importlib.util.find_spec(FREERTOS)
    if spec is not None and spec.origin is not None:
        folder = str(Path(spec.origin).parents[1])
        # Last in the path, so that gdb's Python keeps its own modules.
        # Double quotes, because the shell command has single ones around the code.
        attempts.append(f"import sys; sys.path.append({json.dumps(folder)}); import {FREERTOS}")
    return next((code for code in attempts if _works(program, code)), "")


def _works(program: str, code: str) -> bool:
    """Return whether gdb can run this Python code; some are built without Python."""
    try:
        result = subprocess.run(
            [program, "-nx", "-batch", "-ex", f"python {code}; print('loa' + 'ded')"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=Deadline(PATIENCE).seconds,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return "loaded" in result.stdout.split()


def gdb_port(qmp: Qmp) -> int:
    """Return the TCP port on which QEMU's gdb stub listens.

    Raises:
        QmpError: QEMU does not list one.
    """
    for chardev in qmp.execute("query-chardev", deadline=Deadline(5)):
        port = re.search(r":(\d+),server", chardev["filename"])
        if chardev["label"] == CHARDEV and port:
            return int(port[1])
    raise QmpError("QEMU lists no port for gdb: its query-chardev has no chardev of that name.")
