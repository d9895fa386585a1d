# SPDX-License-Identifier: MIT
"""What a hard reset does on a board whose MAC's interrupt outlives it."""

from __future__ import annotations

from typing import Any

import pytest
from espbench.boards.builtin import ESP32, ESP32C3, LX60
from espbench.device.device import Device
from espbench.inspect import hard_reset as module
from espbench.util.timeouts import Deadline


@pytest.mark.parametrize("running", [True, False])
def test_order(running: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sources are cleared while the guest stands, right before the reset."""
    done: list[Any] = []

    class Qmp:
        halting = __import__("contextlib").nullcontext()

    class Qemu:
        qmp = Qmp()

    class Fake:
        board = ESP32
        qemu = Qemu()

        def monitor(self, command: str, _timeout: object) -> Any:
            done.append(command)
            return {"running": running}

    def write(_qmp: object, address: int, value: int) -> None:
        done.append((address, value))

    monkeypatch.setattr(module, "write_register", write)
    module.hard_reset(Fake(), Deadline(1))  # type: ignore[arg-type]
    middle = [(0x3FF69004, 0x7F), "system_reset"]
    if running:
        assert done == ["query-status", "stop", *middle, "cont"]
    else:
        assert done == ["query-status", *middle]


def test_boards() -> None:
    """Only QEMU's esp32 keeps the line's level."""
    assert ESP32.kept_interrupts
    assert ESP32C3.kept_interrupts is None
    assert LX60.kept_interrupts is None


def test_write_register(shared_device: Device) -> None:
    """A register of the machine changes as if the guest had written to it."""
    from espbench.inspect.stub.bus import write_register

    if shared_device.board.name != "lx60":
        pytest.skip("knows the registers of lx60's UART")
    qmp = shared_device.qemu.qmp
    assert qmp is not None
    scratch = 0x9D05003C  # SCR of the 16550, which nothing uses
    for value in (0x5A, 0xA5):
        with qmp.halting:
            shared_device.monitor("stop")
            write_register(qmp, scratch, value)
            shared_device.monitor("cont")
        assert shared_device.inspection.memory.read(scratch, 1)[0] == value
    assert shared_device.heap().free > 0
