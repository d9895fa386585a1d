# SPDX-License-Identifier: MIT
"""Connections to a guest's ports: forwarded on demand, after a wait at first contact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from espbench.boards.readiness import ConsoleReadiness
from espbench.device.console.console import Console
from espbench.device.device import Device
from espbench.embedded.contact import QUIET, Contact
from espbench.errors import NotRunning, PortInUse, QemuError
from espbench.util.timeouts import Deadline


@pytest.fixture
def device(tiny_firmware: Callable[..., Path]) -> Iterator[Device]:
    """Return a device with a firmware that prints and sleeps."""
    with Device("lx60", tiny_firmware(), ready=ConsoleReadiness("^ready")) as device:
        yield device


def test_first_contact(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first connection to each port in a boot waits for silence on the console."""
    waits: list[float] = []
    wait = Console.wait_quiet

    def counted(self: Console, seconds: float, deadline: Deadline) -> bool:
        waits.append(seconds)
        return wait(self, seconds, deadline)

    monkeypatch.setattr(Console, "wait_quiet", counted)
    contact = Contact(device)
    assert contact.port(80) == contact.port(80) == device.port(80)
    assert waits == [QUIET]
    assert contact.port(8080) == device.port(8080)
    assert waits == [QUIET, QUIET]


def test_rule_that_fails(device: Device) -> None:
    """The error for a port that QEMU cannot forward quotes QEMU; a stopped device forwards none."""
    with pytest.raises(PortInUse) as caught:
        device.qemu.add_forward("tcp:192.0.2.1:0-:80")
    assert str(caught.value).startswith("QEMU could not forward tcp:192.0.2.1:0-:80: ")
    qemu = device.qemu
    device.stop()
    with pytest.raises(NotRunning):
        device.forward(80)
    with pytest.raises(QemuError):
        qemu.add_forward("tcp:127.0.0.1:0-:80")
