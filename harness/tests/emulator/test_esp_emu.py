# SPDX-License-Identifier: MIT
"""A device in esp-emu's stand-in: boot, console, network, reset, end, and what it lacks.

None of this ran with esp-emu itself.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from esp_emu_image import image_for, installed
from espbench.boards.board import Board
from espbench.boards.builtin import ESP32C6, board_named
from espbench.boards.emulators import Wifi
from espbench.boards.esp_emu import in_esp_emu
from espbench.boards.readiness import ConsoleReadiness
from espbench.clients import Endpoint
from espbench.device.device import Device
from espbench.emulator.espemu import process
from espbench.emulator.espemu.control import ControlChannel
from espbench.emulator.espemu.process import LOG, EspEmu, free_ports
from espbench.emulator.interface import Emulator
from espbench.errors import (
    ConfigError,
    NotEmulated,
    PortInUse,
    QemuDied,
    QemuError,
    QemuTooOld,
)
from espbench.inspect.debugging import Debugging
from espbench.qemu import launcher
from espbench.qemu.process import Machine, Qemu
from espbench.reporting.evidence import save
from espbench.util.timeouts import Deadline

HOME = Wifi("home", "long enough")
JOINS = {"ssid": HOME.ssid, "password": HOME.password}
Make = Callable[..., Device]


@pytest.fixture
def make(program: Path, tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes devices, which end with the test."""
    devices: list[Device] = []

    def device(board: Board = ESP32C6, script: Any = JOINS, **options: Any) -> Device:
        image = tmp_path / f"{board.name}.bin"
        image.write_bytes(image_for(board.machine, **script))
        ready = ConsoleReadiness("sta ip|retry|no network")
        devices.append(Device(board, image, **{"ready": ready, **options}))
        return devices[-1]

    yield device
    for each in devices:
        each.close()


def test_both_have_the_interface() -> None:
    """mypy checks that both classes have what `Emulator` asks for."""
    kinds: list[type[Emulator]] = [Qemu, EspEmu]
    public = {name for name in vars(Emulator) if not name.startswith("_")}
    for kind in kinds:
        assert public <= set(dir(kind))


@pytest.mark.parametrize("board", [ESP32C6, in_esp_emu(board_named("esp32c3"))])
def test_serves_over_wifi(make: Make, board: Board) -> None:
    """A firmware that joins the network is reached through the forwarded port."""
    device = make(replace(board, wifi=HOME))
    device.start()
    assert device.guest_address in device.console.text
    assert Endpoint(device.port(80)).get("/").body == b"hello over Wi-Fi\n"
    assert device.resets == ["POWERON"]
    assert {each.guest_port for each in device.forwards} == {80, 443, 8080, 8443}


def test_other_network(make: Make) -> None:
    """A firmware for another network than the one offered gets no address."""
    device = make(replace(ESP32C6, wifi=Wifi("elsewhere", "long enough")))
    device.start()
    assert "retry to connect" in device.console.text
    assert device.guest_address not in device.console.text


def test_console_takes_lines(make: Make) -> None:
    """What is written to the console reaches the firmware."""
    device = make()
    device.start()
    device.console.send("hello\n")
    device.console.expect("> hello")


def test_reset(make: Make) -> None:
    """A reset restarts the chip in the same process, with the same ports."""
    device = make(replace(ESP32C6, wifi=HOME))
    device.start()
    pid, port = device.pid, device.port(80)
    device.reset(hard=True)
    assert device.resets == ["POWERON", "POWERON"]
    assert (device.pid, device.port(80)) == (pid, port)
    assert Endpoint(port).get("/").status == 200


def test_ends(make: Make) -> None:
    """It ends with the device, and its ports are free again."""
    device = make()
    device.start()
    pid = device.pid
    assert pid in launcher.live()
    device.stop()
    assert pid not in launcher.live()
    assert not device.running
    device.start()
    assert device.pid != pid


def test_ends_unexpectedly(make: Make) -> None:
    """The error says that esp-emu ended, and shows its last output."""
    device = make()
    device.start()
    device.console.send("die\n")
    with pytest.raises(
        QemuDied, match="esp-emu ended with exit status 1; its last output:\nError: "
    ):
        device.console.expect("never")


def test_refuses_an_image(make: Make) -> None:
    """What esp-emu says at its start is in the error."""
    device = make(extra=("--no-such-option",))
    with pytest.raises(
        QemuDied, match=r"(?s)exit status 2.*unrecognized arguments: --no-such-option"
    ):
        device.start()
    assert not device.running


def test_too_old(make: Make, program: Path) -> None:
    """An old release, which ends because it does not know an option, is named as such."""
    installed(program.parent, "0.33.0")
    device = make(extra=("--no-such-option",))
    with pytest.raises(QemuTooOld, match=r"is version 0\.33\.0, but board esp32c6 needs 0\.46\.0"):
        device.start()


LACKING: dict[str, Callable[[Device], Any]] = {
    "monitor": lambda device: device.monitor("stop"),
    "pause": lambda device: device.pause(),
    "network": lambda device: device.network,
    "tasks": lambda device: device.tasks(),
    "listeners": lambda device: device.listeners(),
    "qemu": lambda device: device.qemu,
    "stored files": lambda device: device.stored_files(),
    "forward": lambda device: device.forward(9000),
}


@pytest.mark.parametrize("use", LACKING.values(), ids=LACKING)
def test_lacks(make: Make, use: Callable[[Device], Any]) -> None:
    """What QEMU alone has raises one sentence that says so."""
    device = make()
    device.start()
    with pytest.raises(NotEmulated, match=r"esp-emu has no .*; QEMU does, which runs the boards"):
        use(device)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"debugging": Debugging(print)}, "does not connect gdb to esp-emu: omit --gdb"),
        ({"subnet": "10.0.3.0/24"}, "always that of 192.168.4.2: omit subnet"),
        ({"record": True}, "esp-emu cannot record"),
    ],
)
def test_refused_options(make: Make, options: dict[str, Any], message: str) -> None:
    """What esp-emu cannot do is refused before anything starts."""
    with pytest.raises(ConfigError, match=message):
        make(**options)


def test_evidence(make: Make, tmp_path: Path) -> None:
    """The evidence has a command to repeat the boot, and no capture."""
    device = make()
    device.start()
    saved = save(device, tmp_path / "evidence" / "it")
    assert saved.problem == ""
    names = {path.name for path in saved.folder.iterdir()}
    assert {"console.txt", "command.txt", "flash.img", LOG} <= names
    assert names.isdisjoint({"net.pcap", "efuse.bin", "qemu.txt"})
    assert "--firmware" in (saved.folder / "command.txt").read_text()


def test_forwards_need_a_start(tmp_path: Path, program: Path) -> None:
    """Without a running esp-emu, there is nothing to control."""
    machine = Machine(board=ESP32C6, firmware=tmp_path / "f", flash=tmp_path / "f")
    emulator = EspEmu(machine, tmp_path)
    assert (emulator.pid, emulator.running, emulator.stop()) == (None, False, None)
    assert emulator.host_ports(80) == []
    with pytest.raises(QemuError, match="is not running, so it cannot reset the chip"):
        emulator.reset(Deadline(1))


def test_control_channel(make: Make) -> None:
    """A command that esp-emu refuses is an error with its reason."""
    device = make()
    device.start()
    channel = device.emulator.command[device.emulator.command.index("--control-tcp") + 1]
    with_ports = ControlChannel(int(channel.rpartition(":")[2]))
    assert with_ports.connect(Deadline(10), lambda _: False)
    with pytest.raises(QemuError, match="refused 'explode': unknown command: explode"):
        with_ports.execute("explode", Deadline(10))
    assert with_ports.execute("ping", Deadline(10)) == "ok"
    with_ports.close()
    with pytest.raises(QemuError, match="is not running"):
        with_ports.execute("ping", Deadline(10))


def test_free_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """They differ, are free, and are none that the kernel gives to clients."""
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        given = other.getsockname()[1]
        assert max(ports) < given
        monkeypatch.setattr(process, "PORTS", range(given, given + 1))
        with pytest.raises(PortInUse, match="Fewer than 1 of the ports"):
            free_ports(1)
