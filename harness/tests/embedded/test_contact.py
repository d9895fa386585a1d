# SPDX-License-Identifier: MIT
"""The way to a guest's ports: made when it is wanted, with patience at first contact."""

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
    """The first time in a boot it waits for silence: for each port once."""
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


def test_rule_that_cannot_be(device: Device) -> None:
    """A port that QEMU cannot forward is told in its words; a device that is stopped has none."""
    with pytest.raises(PortInUse) as caught:
        device.qemu.add_forward("tcp:192.0.2.1:0-:80")
    assert str(caught.value).startswith("QEMU could not forward tcp:192.0.2.1:0-:80: ")
    qemu = device.qemu
    device.stop()
    with pytest.raises(NotRunning):
        device.forward(80)
    with pytest.raises(QemuError):
        qemu.add_forward("tcp:127.0.0.1:0-:80")
