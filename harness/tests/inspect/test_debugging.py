# SPDX-License-Identifier: MIT
"""A device that gdb can attach to: the stub, the text, and time-outs while gdb holds the guest."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.boards.readiness import ConsoleReadiness
from espbench.device.device import Device
from espbench.errors import PortInUse, QemuDied, WrongElf
from espbench.inspect.debugging import Debugging
from espbench.inspect.stub import attach
from espbench.inspect.stub.errors import StubBusy
from espbench.util.timeouts import CLOCK, Deadline
from remote_gdb import RemoteGdb

READY = ConsoleReadiness("ready")
LATER = 0.3
"""Seconds; the firmware is ready within this time."""


@pytest.fixture(autouse=True)
def _clock_goes() -> Iterator[None]:
    """Check that no test leaves the clock held."""
    yield
    before = CLOCK()
    threading.Event().wait(0.001)
    assert CLOCK() > before


def stands() -> bool:
    """Return whether the clock of all deadlines is held."""
    before = CLOCK()
    threading.Event().wait(0.001)
    return CLOCK() == before


def becomes(held: bool) -> None:
    """Wait until the clock is held, or is not."""
    deadline = Deadline(10, clock=time.monotonic)
    while stands() != held:
        assert not deadline.expired()


class Shown:
    """The texts that devices showed, and clients for the stubs that they name."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> None:
        self.texts.append(text)

    @property
    def port(self) -> int:
        """The port that the last text names."""
        found = re.search(r"'target remote 127\.0\.0\.1:(\d+)'", self.texts[-1])
        assert found
        return int(found[1])

    def attach(self) -> contextlib.closing[RemoteGdb]:
        """Return a client of the last device's stub."""
        return contextlib.closing(RemoteGdb(self.port))


@pytest.fixture
def shown() -> Shown:
    """Return the options of devices that a debugger attaches to."""
    return Shown()


@pytest.fixture
def firmware(tiny_firmware: Callable[[], Path]) -> Path:
    """Return a firmware that prints `ready`."""
    return tiny_firmware()


def test_a_guest_that_waits(firmware: Path, shown: Shown) -> None:
    """It starts when the debugger continues; the time-out of its start counts from then on."""

    def show(text: str) -> None:
        shown(text)
        threading.Timer(3 * LATER, continues).start()

    printed: list[str] = []

    def continues() -> None:
        with shown.attach() as gdb:
            assert gdb.ask("?").startswith("T05")
            printed.append(device.console.text)
            gdb.detach()

    debugging = Debugging(show, wait=True)
    device = Device(LX60, firmware, ready=READY, ready_timeout=2 * LATER, debugging=debugging)
    with device:
        assert printed == [""]
        assert "ready" in device.console.text
        becomes(held=False)  # QEMU's event may arrive after the guest's output
    assert shown.texts[0].startswith(
        "The device waits for gdb, and starts when gdb continues. In another terminal:\n  "
    )
    assert shown.texts[0].splitlines()[1].endswith(str(firmware))


def test_a_guest_that_stops(firmware: Path, shown: Shown) -> None:
    """While a debugger has stopped the guest, no time passes; `Device.pause` is different."""
    with Device(LX60, firmware, ready=READY, debugging=Debugging(shown)) as device:
        assert shown.texts[0].startswith("To debug the device, in another terminal:\n  ")
        assert not stands()
        with shown.attach() as gdb:
            becomes(held=True)
            gdb.detach()
            becomes(held=False)
        device.pause()
        assert not stands()
        device.resume()
        with shown.attach():
            becomes(held=True)


def test_no_heap_watch(firmware: Path, shown: Shown) -> None:
    """The heap's curve is left out: each sample would interrupt the program in gdb."""
    for debugging in (None, Debugging(shown)):
        with Device(LX60, firmware, ready=READY, watch_heap=True, debugging=debugging) as device:
            assert (device.memory.watch is None) == (debugging is not None)


def test_qemu_dies_while_it_is_held(firmware: Path, shown: Shown) -> None:
    """Then nobody waits for the debugger any longer."""
    with Device(LX60, firmware, ready=READY, debugging=Debugging(shown)) as device:
        with shown.attach():
            becomes(held=True)
            assert device.pid is not None
            os.kill(device.pid, signal.SIGKILL)
            becomes(held=False)
        with pytest.raises(QemuDied):
            device.console.expect("never")


def test_one_client(firmware: Path, shown: Shown) -> None:
    """Either a debugger or espbench has the stub; the other one gets the reason."""
    with Device(LX60, firmware, ready=READY, debugging=Debugging(shown)) as device:
        qmp = device.qemu.qmp
        assert qmp is not None
        with pytest.raises(StubBusy) as caught:
            attach.connect(qmp)
        assert str(caught.value) == (
            "QEMU's gdb stub takes one client only, and is reserved for a debugger: start the "
            "device without --gdb (pytest: --espbench-gdb, QEMU: -gdb)."
        )
        with pytest.raises(StubBusy, match="already open for a debugger"):
            attach.listen(qmp)
    with Device(LX60, firmware, ready=READY) as device:
        qmp = device.qemu.qmp
        assert qmp is not None
        with attach.connect(qmp):
            with pytest.raises(StubBusy, match="espbench itself uses it for breakpoints: end what"):
                attach.listen(qmp)
            attach.disconnect(qmp)
        device.monitor("cont")
        with contextlib.closing(RemoteGdb(attach.listen(qmp))) as gdb:
            gdb.detach()


def test_a_port_in_use(firmware: Path, shown: Shown) -> None:
    """A chosen port is used, or refused in one sentence, and then no QEMU is left."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        other.listen()
        device = Device(LX60, firmware, ready=READY, debugging=Debugging(shown, port=port))
        with pytest.raises(PortInUse, match=rf"^Port {port} of 127\.0\.0\.1 is in use, so gdb"):
            device.start()
        assert not device.running
        device.close()
    assert not shown.texts
    with device:
        assert shown.port == port


def test_a_named_file_without_symbols(firmware: Path, shown: Shown, tmp_path: Path) -> None:
    """A file that was named and is no ELF file is refused before the boot."""
    other = tmp_path / "other.elf"
    other.write_bytes(b"not an ELF file")
    with pytest.raises(
        WrongElf, match=r"other\.elf is not an ELF file: name the one that the build"
    ):
        Device(LX60, firmware, ready=READY, elf=other, debugging=Debugging(shown))
    assert shown.texts == []
