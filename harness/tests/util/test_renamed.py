# SPDX-License-Identifier: MIT
"""Old names still work for one release, and say which is the new one."""

from __future__ import annotations

from importlib import import_module

import espbench
import pytest
from espbench.boards.backends import IdfBackend, MakeBackend
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS, board_named
from espbench.clients import Endpoint, Endpoints
from espbench.device.readiness import readiness_of
from espbench.flash.geometry import Flash
from espbench.qemu.process import Machine, Qemu
from espbench.util.renamed import renamed

MOVED = [
    ("espbench.boards", "BOARDS", BOARDS),
    ("espbench.boards", "Board", Board),
    ("espbench.boards", "LX60", BOARDS["lx60"]),
    ("espbench.boards", "ESP32", BOARDS["esp32"]),
    ("espbench.boards", "ESP32C3", BOARDS["esp32c3"]),
    ("espbench.boards", "ESP_FLASH", None),
    ("espbench.boards", "QEMU_XTENSA", BOARDS["esp32"].espressif),
    ("espbench.boards", "QEMU_RISCV32", BOARDS["esp32c3"].espressif),
    ("espbench.boards", "board_named", board_named),
    ("espbench.boards.backends", "IdfWay", IdfBackend),
    ("espbench.boards.backends", "MakeWay", MakeBackend),
    ("espbench.clients", "Doors", Endpoints),
    ("espbench.clients", "Target", Endpoint),
    ("espbench.device", "Device", espbench.Device),
    ("espbench.device", "HeapSample", None),
    ("espbench.device", "Ready", None),
    ("espbench.device", "elf_of", None),
    ("espbench.device", "open_connections", None),
    ("espbench.device", "readiness_of", readiness_of),
    ("espbench.flash", "Flash", Flash),
    ("espbench.qemu", "Machine", Machine),
    ("espbench.qemu", "Qemu", Qemu),
    ("espbench.qemu", "qemu_version", None),
]


@pytest.mark.parametrize(("module", "name", "value"), MOVED, ids=[f"{m}.{n}" for m, n, _ in MOVED])
def test_moved(module: str, name: str, value: object) -> None:
    """The old name is the new thing, and the warning says where that is."""
    with pytest.warns(DeprecationWarning, match=" is called ") as caught:
        found = getattr(import_module(module), name)
    (warning,) = caught
    said = str(warning.message)
    assert said.startswith(f"{module}.{name} is called ")
    where, _, new = said.split(" is called ")[1].partition(" now; ")[0].rpartition(".")
    assert found is getattr(import_module(where or module), new)
    assert value is None or found is value
    assert warning.filename == __file__


def test_from_import_warns_where_it_stands() -> None:
    """`from MODULE import NAME` names the importing line."""
    with pytest.warns(
        DeprecationWarning, match="is called espbench.Device now; the old name"
    ) as caught:
        exec(compile("from espbench.device import Device", "theirs.py", "exec"), {})
    assert {warning.filename for warning in caught} == {"theirs.py"}


def test_other_names_are_missing_as_ever() -> None:
    """A name that never was is an AttributeError in Python's words."""
    with pytest.raises(AttributeError, match=r"^module 'm' has no attribute 'x'$"):
        renamed("m", {"y": "os.path"})("x")
    with pytest.raises(ImportError, match="cannot import name 'Qemus'"):
        exec("from espbench.qemu import Qemus", {})
