# SPDX-License-Identifier: MIT
"""QEMU's start, monitor and end, and the errors when one of them fails."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.builtin import LX60
from espbench.boards.readiness import ConsoleReadiness
from espbench.device.device import Device
from espbench.errors import (
    ConfigError,
    NotRunning,
    QemuDied,
    QemuNotFound,
    QemuTooOld,
    QmpError,
)
from espbench.qemu import launcher, parent_death
from espbench.qemu.discovery import find_qemu
from espbench.qemu.qmp import Qmp
from espbench.util.timeouts import Deadline

Tiny = Callable[..., Path]
READY = ConsoleReadiness("^ready")
GREETING = b'{"QMP": {"version": {"qemu": {"micro": 1, "minor": 2, "major": 9}}}}\r\n'


def program(folder: Path, script: str) -> None:
    """Write a shell script as QEMU."""
    path = folder / "qemu-system-xtensa"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a fake QEMU in front of the real one on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return lambda script: program(folder, script)


def test_restart(tiny_firmware: Tiny) -> None:
    """A device can be restarted with other files, and keeps no state."""
    device = Device("lx60", tiny_firmware(), ready=READY, files={"/a": "1"})
    with device:
        first = device.pid
        assert device.stored_files() == {"/a": b"1"}
        device.stop()
        assert not device.running
        with pytest.raises(NotRunning, match=r"^device is not running: start it first\.$"):
            device.port(80)
        device.files["/a"] = "2"
        device.start()
        assert device.pid != first
        assert device.stored_files() == {"/a": b"2"}
        assert device.console.text.count("ready") == 1
    assert launcher.live() == []


def test_reset_by_the_machine(tiny_firmware: Tiny) -> None:
    """A firmware without a control channel is reset by QEMU."""
    with Device("lx60", tiny_firmware(), ready=READY) as device:
        device.reset()
        assert device.console.text.count("ready") == 2


def test_waits_end_when_it_is_stopped(tiny_firmware: Tiny) -> None:
    """Stopping a device ends the waits of other threads."""
    with Device("lx60", tiny_firmware(), ready=READY) as device:
        threading.Timer(0.1, device.stop).start()
        with pytest.raises(NotRunning, match=r"^device was stopped\.$"):
            device.console.expect("never", timeout=60)


def test_many_at_once(tiny_firmware: Tiny) -> None:
    """Devices that start at the same time, each in a thread, do not interfere."""
    firmware = tiny_firmware()
    devices = [Device("lx60", firmware, ready=READY, name=f"d{n}") for n in range(4)]
    threads = [threading.Thread(target=device.start) for device in devices]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ports = [port for device in devices for port in (device.port(80), device.port(443))]
        assert len(set(ports)) == 8
    finally:
        for device in devices:
            device.close()
    assert launcher.live() == []


def test_monitor(tiny_firmware: Tiny) -> None:
    """The monitor executes commands, and errors name a refused command."""
    with Device("lx60", tiny_firmware(), ready=READY) as device:
        assert device.monitor("query-status")["running"] is True
        device.monitor("set_link", name="net0", up=False)
        with pytest.raises(QmpError) as caught:
            device.monitor("nonsense")
    assert str(caught.value) == (
        "QEMU refused nonsense: The command nonsense has not been found. Check its name and "
        "arguments in QEMU's QMP reference."
    )


def test_not_found(tiny_firmware: Tiny) -> None:
    """The error for a QEMU that is not installed says how to install it."""
    board = replace(LX60, qemu="qemu-system-none")
    with pytest.raises(QemuNotFound) as caught, Device(board, tiny_firmware()):
        pass
    assert str(caught.value) == (
        "Board lx60 needs qemu-system-none, which is not installed: "
        "install it with apt-get install --no-install-recommends qemu-system-misc."
    )


def test_too_old(tiny_firmware: Tiny, fake: Callable[[str], None]) -> None:
    """An old QEMU that refuses its options is reported as too old."""
    fake('case "$1" in --version) echo "QEMU emulator version 4.1.0";; *) exit 1;; esac')
    with (
        pytest.raises(QemuTooOld, match=r"is version 4\.1\.0, but board lx60 needs 7\.2\.0 or"),
        Device("lx60", tiny_firmware()),
    ):
        pass


def test_without_the_machine(tiny_firmware: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU without the machine is distinguished from one that failed."""
    monkeypatch.setenv("PATH", str(Path(find_qemu(LX60)).parent))
    board = replace(LX60, machine="lx61")
    with (
        pytest.raises(QemuTooOld, match=r"does not have the machine lx61 of"),
        Device(board, tiny_firmware()),
    ):
        pass


def test_silent(tiny_firmware: Tiny, fake: Callable[[str], None]) -> None:
    """A QEMU that hangs from the start is ended after the deadline."""
    fake("exec sleep 1000")
    device = Device("lx60", tiny_firmware(), ready_timeout=0.3)
    with pytest.raises(QmpError) as caught, device:
        pass
    assert str(caught.value) == (
        "QEMU did not answer greeting on its monitor within 0.3 s: it is stopped, or the machine "
        "is very busy (set ESPBENCH_TIMEOUT_SCALE=3 to triple every time-out)."
    )
    assert launcher.live() == []


def test_says_why_it_died(tiny_firmware: Tiny, fake: Callable[[str], None]) -> None:
    """The error has QEMU's exit status and last output."""
    fake(
        'case "$1" in --version) echo "QEMU emulator version 9.0.0";; '
        "*) echo first >&2; echo Adding SPI flash device >&2; echo second >&2; exit 3;; esac"
    )
    with pytest.raises(QemuDied) as caught, Device("lx60", tiny_firmware()):
        pass
    assert str(caught.value) == "QEMU ended with exit status 3; its last output:\nfirst\nsecond"
    assert (caught.value.status, caught.value.stderr) == (3, "first\nsecond")


def test_says_where_to_look_when_it_died_without_a_word(
    tiny_firmware: Tiny, fake: Callable[[str], None]
) -> None:
    """Without output, the error says where the command line is, for a start by hand."""
    fake('case "$1" in --version) echo "QEMU emulator version 9.0.0";; *) exit 3;; esac')
    with pytest.raises(QemuDied) as caught, Device("lx60", tiny_firmware()):
        pass
    assert str(caught.value) == (
        "QEMU ended with exit status 3 without output. Start it by hand to see more: its command "
        "line is in command.txt in the evidence."
    )


def test_guard_of_a_dead_parent(tmp_path: Path) -> None:
    """A process whose parent died before the death signal was set does not start."""
    command = parent_death.guarded(["touch", str(tmp_path / "ran")], 1, "setpriv")
    process = launcher.start_piped(command)
    assert launcher.wait(process, 5) == 1
    assert not (tmp_path / "ran").exists()


def test_twice(tiny_firmware: Tiny) -> None:
    """Starting a running device is refused."""
    with Device("lx60", tiny_firmware(), ready=READY) as device:
        with pytest.raises(ConfigError) as caught:
            device.start()
        assert str(caught.value) == (
            "device is already running: stop it before you start it again."
        )


class Monitor:
    """A fake monitor."""

    def __init__(self) -> None:
        """Connect both ends."""
        ours, self.far = socket.socketpair()
        self.qmp = Qmp(ours)

    def says(self, *messages: object) -> None:
        """Send messages."""
        for message in messages:
            self.far.sendall(json.dumps(message).encode() + b"\r\n")


def test_negotiation_and_events() -> None:
    """The version comes from the greeting, and listeners get the events between answers."""
    monitor = Monitor()
    heard: list[dict[str, Any]] = []
    monitor.qmp.listen(heard.append)
    monitor.far.sendall(GREETING[:20])
    threading.Timer(0.05, monitor.far.sendall, [GREETING[20:]]).start()
    monitor.says()
    threading.Timer(
        0.1, monitor.says, [{"event": "RESET"}, {"return": {}, "id": 99}, {"return": {}, "id": 1}]
    ).start()
    assert monitor.qmp.negotiate(Deadline(5)) == (9, 2, 1)
    assert heard == [{"event": "RESET"}]


def test_events_without_a_command() -> None:
    """Events are read without a command, also those that came in one piece with a response."""
    monitor = Monitor()
    heard: list[str] = []

    def listener(event: dict[str, Any]) -> None:
        heard.append(event["event"])

    monitor.qmp.listen(listener)
    monitor.says({"event": "RESUME"}, {"return": {}, "id": 1}, {"event": "STOP"})
    monitor.qmp.execute("cont")
    assert heard == ["RESUME", "STOP"]
    monitor.says({"event": "RESET"}, {"return": {}, "id": 1})
    monitor.qmp.read_events()
    assert heard == ["RESUME", "STOP", "RESET"]
    monitor.qmp.ignore(listener)
    monitor.says({"event": "STOP"})
    monitor.qmp.read_events()
    assert len(heard) == 3
    monitor.far.close()
    with pytest.raises(QmpError, match="closed its monitor before it sent an event"):
        monitor.qmp.read_events()


ENDED = (
    "it has ended, so start the device again, and see qemu.txt in the evidence for its last output."
)


def test_monitor_closes() -> None:
    """The error for a closed monitor names the command that it did not answer."""
    monitor = Monitor()
    threading.Timer(0.05, monitor.far.close).start()
    with pytest.raises(QmpError) as caught:
        monitor.qmp.execute("query-status", deadline=5)
    assert str(caught.value) == f"QEMU closed its monitor before it answered query-status: {ENDED}"
    with pytest.raises(QmpError) as caught:
        monitor.qmp.execute("quit", deadline=5)
    assert str(caught.value) == f"QEMU closed its monitor before it took quit: {ENDED}"
