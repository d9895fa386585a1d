# SPDX-License-Identifier: MIT
"""The ESP32 boards in Espressif's QEMU, with a tiny firmware instead of ESP-IDF."""

from __future__ import annotations

import shlex
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS
from espbench.boards.readiness import ConsoleReadiness
from espbench.device.device import Device
from espbench.errors import ConfigError, EspbenchError, NotReady, RebootLoop
from espbench.qemu.discovery import find_qemu
from espbench.reporting.evidence import save
from espbench.util.timeouts import Deadline
from remote_gdb import RemoteGdb
from tiny_esp32 import tiny_esp32
from tiny_esp32c3 import tiny_esp32c3

ESP32, ESP32C3 = BOARDS["esp32"], BOARDS["esp32c3"]
HELLO = b"hello from an ESP32\r\n"
BOOT = b'\x1e{"event":"boot","cause":"test"}\n'
READY = ConsoleReadiness("^hello")
TIMER_GROUP_0 = 0x3FF5F000
DUMP = b"""\
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x4008041f  PS      : 0x00060830  A0      : 0x00000000  A1      : 0x3ffe3ff0

Backtrace: 0x4008041c:0x3ffe3ff0 |<-CORRUPTED

================= CORE DUMP START =================
UDkAAA==
================= CORE DUMP END =================
Rebooting...
"""


def absence(board: Board) -> str:
    """Return why the board is not available, or ""."""
    try:
        find_qemu(board)
    except EspbenchError as error:
        return str(error)
    return ""


def needs(board: Board) -> pytest.MarkDecorator:
    """Return the mark of a test that needs a board."""
    why = absence(board)
    return pytest.mark.skipif(bool(why), reason=why or "it is here")


pytestmark = needs(ESP32)

Make = Callable[..., Path]


@pytest.fixture
def firmware(tmp_path: Path) -> Make:
    """Return a function that writes a merged binary."""

    def make(text: bytes = HELLO, record: bytes = BOOT, *, again: bool = False) -> Path:
        path = tmp_path / "firmware.bin"
        path.write_bytes(tiny_esp32(text, record, again=again))
        return path

    return make


def test_two_uarts(firmware: Make) -> None:
    """UART 0 carries text, UART 1 carries events and requests."""
    with Device("esp32", firmware(), ready=READY, files={"/a": "b"}, args={"heap": 1}) as device:
        device.wait_for_event("boot")
        assert device.events == [{"event": "boot", "cause": "test"}]
        assert device.resets == ["POWERON_RESET"]
        device.console.send_request(b"by the other line\n", Deadline(5))
        device.console.expect("by the other line")
        assert device.stored_files() == {"/a": b"b"}
        line = device.flash.read_bytes()[0xF000:0x10000].rstrip(b"\xff")
        assert line == b"wlan_ssid=MyNetwork wlan_password=SecurePassword123 heap=1\0"


@needs(ESP32C3)
def test_esp32c3(tmp_path: Path) -> None:
    """The same on the RISC-V chip: two UARTs, files, boot arguments, a reset."""
    path = tmp_path / "firmware.bin"
    path.write_bytes(tiny_esp32c3(HELLO, BOOT))
    with Device("esp32c3", path, ready=READY, files={"/a": "b"}, args={"heap": 1}) as device:
        device.wait_for_event("boot")
        device.console.send_request(b"by the other line\n", Deadline(5))
        device.console.expect("by the other line")
        device.reset(hard=True)
        assert device.boots == 2
        assert device.resets == ["POWERON", "POWERON"]
        assert device.stored_files() == {"/a": b"b"}


def test_hard_reset(firmware: Make) -> None:
    """A hard reset boots the machine again, and the ROM prints the cause again."""
    with Device("esp32", firmware(), ready=READY) as device:
        device.wait_for_event("boot")
        device.reset(hard=True)
        assert device.boots == 2
        assert len(device.resets) == 2
        causes = [event.detail for event in device.timeline if event.name == "reset_cause"]
        assert causes == [{"cause": cause} for cause in device.resets]


def test_reboot_loop(firmware: Make) -> None:
    """A device that keeps resetting itself is reported at once."""
    device = Device("esp32", firmware(again=True), ready=ConsoleReadiness("^never$"))
    with pytest.raises(RebootLoop) as caught, device:
        pass
    assert str(caught.value).startswith(
        "device did not print something that matches '^never$' but booted 5 times in a row, the "
        "last time because of SW_RESET: find out what resets it; its console ended with:\n"
    )
    assert (caught.value.boots, caught.value.cause) == (5, "SW_RESET")
    assert "rst:0x3 (SW_RESET)" in caught.value.tail


def test_nothing_to_boot(firmware: Make) -> None:
    """A file that is not a merged binary is reported at once."""
    path = firmware()
    path.write_bytes(b"an ELF perhaps")
    with pytest.raises(NotReady) as caught, Device("esp32", path):
        pass
    assert str(caught.value).startswith(
        "device did not listen for http because the chip's ROM found nothing to boot in its flash "
        "(invalid header: 0xffffffff): is the firmware a merged binary for this chip; its console "
        "ended with:\n"
    )


def test_psram(firmware: Make) -> None:
    """PSRAM is an option of the device."""
    with Device("esp32", firmware(), ready=READY, psram="4M") as device:
        assert "4M" in device.qemu.command


def arm_watchdog(port: int, base: int) -> None:
    """Arm a timer group's watchdog to reset the chip after 200 ticks of 0.5 or 1 ms."""
    gdb = RemoteGdb(port)
    assert gdb.ask("Qqemu.PhyMemMode:1") == "OK"
    # Technical reference manuals, "Timer Group": write the key, disable, set the prescaler and the
    # first stage's ticks, enable with a chip reset in that stage, feed.
    on = 1 << 31 | 3 << 29 | 1 << 22
    for offset, value in (
        *((0x64, 0x50D83AA1), (0x48, 0), (0x4C, 40000 << 16)),
        *((0x50, 200), (0x48, on), (0x60, 1)),
    ):
        assert gdb.ask(f"M{base + offset:x},4:{value.to_bytes(4, 'little').hex()}") == "OK"
    gdb.detach()
    gdb.close()


@pytest.mark.parametrize("watchdogs", [True, False])
def test_watchdog(watchdogs: bool, firmware: Make) -> None:
    """An armed watchdog resets the chip and is its reset cause, if watchdogs are enabled."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    extra = ("-gdb", f"tcp:127.0.0.1:{port}")
    with Device("esp32", firmware(), ready=READY, watchdogs=watchdogs, extra=extra) as device:
        arm_watchdog(port, TIMER_GROUP_0)
        # Without watchdogs there is no event to wait for.
        patience = Deadline(20 if watchdogs else 1)
        device.console.wait_for(lambda: len(device.resets) > 1, patience)
        assert device.resets[1:2] == ["TG0WDT_SYS_RESET"] * watchdogs


def test_evidence_boots_again(firmware: Make, tmp_path: Path) -> None:
    """The folder of evidence has all files that the pasted command needs, including eFuses."""
    with Device("esp32", firmware(), ready=READY) as device:
        saved = save(device, tmp_path / "evidence")
    assert saved.problem == ""
    text = (saved.folder / "command.txt").read_text().replace("\\\n", " ")
    command = shlex.split(text, comments=True)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert HELLO in process.stdout  # stops reading there
    finally:
        process.kill()
        process.communicate()


def test_panic_with_a_core_dump(firmware: Make, tmp_path: Path) -> None:
    """ESP-IDF's dump is found, and its core dump is saved as evidence."""
    ready = ConsoleReadiness(r"^Rebooting\.\.\.$")
    device = Device("esp32", firmware(DUMP.replace(b"\n", b"\r\n")), ready=ready)
    try:
        device.start()
        panicked = device.panicked()
        assert panicked is not None
        assert panicked.panic.dump.registers["PC"] == 0x4008041F
        assert panicked.panic.dump.corrupted
        saved = save(device, tmp_path / "evidence")
    finally:
        device.close()
    assert (saved.folder / "core-1.b64").read_text() == "UDkAAA==\n"
    assert "core-1.b64" in (saved.folder / "core-1.txt").read_text()


def test_firmware_without_partitions(firmware: Make) -> None:
    """A firmware without a partition for files is refused before anything starts."""
    path = firmware()
    path.write_bytes(path.read_bytes()[:0x8000])
    with pytest.raises(ConfigError, match=r"has no partition 'vfs', so it cannot have /a: "):
        Device("esp32", path, files={"/a": "b"}).start()
    with Device("esp32", path, ready=READY) as device:
        assert device.resets == ["POWERON_RESET"]
