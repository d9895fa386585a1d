# SPDX-License-Identifier: MIT
"""Deprecated names still work for one release and warn with the new name."""

from __future__ import annotations

from importlib import import_module

import espbench
import pytest
from espbench.boards.backends import IdfBackend, MakeBackend
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS, board_named
from espbench.clients import (
    Endpoint,
    Endpoints,
    RawWebSocket,
    WebsocketsClient,
    run_concurrently,
    websockets_client,
)
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
    ("espbench.clients", "WebSocket", RawWebSocket),
    ("espbench.clients", "WellBehaved", WebsocketsClient),
    ("espbench.clients", "together", run_concurrently),
    ("espbench.clients", "well_behaved", websockets_client),
    ("espbench.clients.concurrent", "together", run_concurrently),
    ("espbench.clients.websocket", "WebSocket", RawWebSocket),
    ("espbench.clients.websocket", "WellBehaved", WebsocketsClient),
    ("espbench.clients.websocket", "well_behaved", websockets_client),
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
    """The old name gives the object of the new one, and the warning gives the new name."""
    with pytest.warns(DeprecationWarning, match=" is now ") as caught:
        found = getattr(import_module(module), name)
    (warning,) = caught
    message = str(warning.message)
    assert message.startswith(f"{module}.{name} is now ")
    where, _, new = message.split(" is now ")[1].partition("; ")[0].rpartition(".")
    assert found is getattr(import_module(where or module), new)
    assert value is None or found is value
    assert warning.filename == __file__


def test_from_import_warns_in_the_importing_file() -> None:
    """The warning for `from MODULE import NAME` points to the importing file."""
    with pytest.warns(DeprecationWarning, match="is now espbench.Device; the old name") as caught:
        exec(compile("from espbench.device import Device", "theirs.py", "exec"), {})
    assert {warning.filename for warning in caught} == {"theirs.py"}


def test_a_renamed_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old method calls the new one, with its argument, and warns in the caller's file."""
    asked: list[str] = []
    monkeypatch.setattr(Endpoint, "websockets_client", lambda _, path: asked.append(path))
    with pytest.warns(DeprecationWarning, match=r"is now Endpoint\.websockets_client") as caught:
        Endpoint(1).well_behaved("/other")
    assert asked == ["/other"]
    assert {warning.filename for warning in caught} == {__file__}


def test_unknown_names_raise_the_usual_error() -> None:
    """A name that never existed raises AttributeError with Python's own message."""
    with pytest.raises(AttributeError, match=r"^module 'm' has no attribute 'x'$"):
        renamed("m", {"y": "os.path"})("x")
    with pytest.raises(ImportError, match="cannot import name 'Qemus'"):
        exec("from espbench.qemu import Qemus", {})
