# SPDX-License-Identifier: MIT
"""QEMU's command line, and the values from which it is built."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from espbench.boards.boot_media import BOOT_ARGUMENTS, FlashBoot, write_files
from espbench.boards.builtin import BOARDS, LX60, board_named
from espbench.errors import ConfigError, QemuTooOld
from espbench.flash.geometry import Flash
from espbench.qemu.process import (
    Machine,
    Wires,
    boot_line,
    check_version,
    command_line,
    explain_status,
    parse_version,
    pasteable,
)

Tiny = Callable[[], Path]


def machine(**changes: object) -> Machine:
    """Return a machine with one forwarded port."""
    base = Machine(
        board=LX60, firmware=Path("/f/firmware.elf"), flash=Path("/f/flash.img"), forwards={80: 1}
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_whole_line() -> None:
    """The full command line of a device."""
    described = machine(
        forwards={443: 2, 80: 1},
        boot_arguments={"heap": "1000", "seed": "ab"},
        capture=Path("/f/net.pcap"),
    )
    assert command_line(described, Wires.sockets(7, 9)) == [
        *("qemu-system-xtensa", "-M", "lx60-nommu", "-cpu", "lx106", "-m", "16M"),
        *("-display", "none", "-monitor", "none"),
        *("-chardev", "socket,id=console,fd=7", "-serial", "chardev:console"),
        *("-chardev", "socket,id=qmp,fd=9", "-mon", "chardev=qmp,mode=control"),
        *("-kernel", "/f/firmware.elf", "-readconfig", "/f/boot-arguments.cfg"),
        *("-drive", "if=pflash,format=raw,file=/f/flash.img"),
        *("-device", "loader,addr=0x50000000,force-raw=on,file=/f/reset-vector.bin"),
        "-nic",
        (
            "user,id=net0,model=open_eth,restrict=on,hostfwd=tcp:127.0.0.1:0-:80,"
            "hostfwd=tcp:127.0.0.1:0-:443,hostfwd=tcp:127.0.0.1:0-:443"
        ),
        *("-object", "filter-dump,id=capture,netdev=net0,file=/f/net.pcap"),
    ]


def test_boot_arguments_are_in_a_private_file(tiny_firmware: Tiny, tmp_path: Path) -> None:
    """They may be secret, so that neither the command line nor other users' files have them."""
    described = machine(firmware=tiny_firmware(), boot_arguments={"seed": "ab"})
    line = boot_line(described)
    assert line == "wlan_ssid=MyNetwork wlan_password=SecurePassword123 seed=ab"
    for _ in range(2):  # also over those of an earlier start
        write_files(LX60.handover, tmp_path, described.firmware, line)
    path = tmp_path / BOOT_ARGUMENTS
    assert path.read_text() == f'[machine]\n  append = "{line}"\n'
    assert path.stat().st_mode & 0o777 == 0o600
    assert not any("wlan_password" in word for word in command_line(described, Wires.terminal()))


@pytest.mark.parametrize("line", ["a=" + 1022 * "b", 'a="b"'])
def test_boot_arguments_that_qemu_cannot_read(
    line: str, tiny_firmware: Tiny, tmp_path: Path
) -> None:
    """QEMU would cut off the arguments, or misread them."""
    with pytest.raises(ConfigError, match=r"^The boot arguments have \d+ characters: QEMU reads "):
        write_files(LX60.handover, tmp_path, tiny_firmware(), line)


def test_nothing_opens_the_host() -> None:
    """The guest gets neither semihosting nor, by default, access to the host and the internet."""
    line = command_line(machine(), Wires.terminal())
    assert not any("semihosting" in word for word in line)
    assert "-nographic" not in line
    assert any("restrict=on" in word for word in line)
    assert not any(
        "restrict" in word for word in command_line(machine(internet=True), Wires.terminal())
    )


def test_subnet() -> None:
    """A machine can have another subnet than slirp's default."""
    line = command_line(machine(subnet="10.0.3.0/24", forwards={80: 1}), Wires.terminal())
    nic = line[line.index("-nic") + 1]
    assert nic == (
        "user,id=net0,model=open_eth,restrict=on,net=10.0.3.0/24,hostfwd=tcp:127.0.0.1:0-:80"
    )


def test_commas_in_paths() -> None:
    """A comma in a path is doubled where QEMU separates by commas."""
    line = command_line(machine(flash=Path("/a,b/flash.img")), Wires.terminal())
    assert "if=pflash,format=raw,file=/a,,b/flash.img" in line
    assert "loader,addr=0x50000000,force-raw=on,file=/a,,b/reset-vector.bin" in line


def test_whole_line_of_an_esp32() -> None:
    """The full command line of an ESP32, with a separate UART for control records."""
    described = machine(board=BOARDS["esp32"], forwards={80: 1}, firmware=Path("/f/firmware.bin"))
    assert command_line(described, Wires.sockets(7, 9, 11, uart=1)) == [
        *("qemu-system-xtensa", "-M", "esp32", "-display", "none", "-monitor", "none"),
        *("-chardev", "socket,id=console,fd=7", "-serial", "chardev:console"),
        *("-chardev", "socket,id=control,fd=11", "-serial", "chardev:control"),
        *("-chardev", "socket,id=qmp,fd=9", "-mon", "chardev=qmp,mode=control"),
        *("-drive", "if=mtd,format=raw,file=/f/flash.img"),
        *("-drive", "if=none,format=raw,id=efuse,file=/f/efuse.bin"),
        *("-global", "driver=nvram.esp32.efuse,property=drive,value=efuse"),
        "-nic",
        "user,id=net0,model=open_eth,restrict=on,hostfwd=tcp:127.0.0.1:0-:80",
        *("-global", "driver=esp32.gpio,property=strap_mode,value=0x12"),
        *("-global", "driver=timer.esp32.timg,property=wdt_disable,value=true"),
    ]


def test_an_esp32c3_differs_in_its_data_only() -> None:
    """The RISC-V chip has its own program, machine, eFuses, straps and watchdog."""
    line = command_line(machine(board=BOARDS["esp32c3"]), Wires.terminal())
    assert line[:3] == ["qemu-system-riscv32", "-M", "esp32c3"]
    globals_ = [after for word, after in pairwise(line) if word == "-global"]
    assert globals_ == [
        "driver=nvram.esp32c3.efuse,property=drive,value=efuse",
        "driver=esp32c3.gpio,property=strap_mode,value=0x08",
        "driver=timer.esp32c3.timg,property=wdt_disable,value=true",
    ]


def test_efuses() -> None:
    """The eFuse files are those of `idf.py qemu`, for chip revisions 3 and 0.3."""
    ((name, content_for),) = BOARDS["esp32"].handover.files.items()
    content = content_for(Path("firmware.bin"), "")
    assert (name, len(content)) == ("efuse.bin", 124)
    assert content.hex().strip("0") == "8000000000000000001"
    ((_, content_for),) = BOARDS["esp32c3"].handover.files.items()
    content = content_for(Path("firmware.bin"), "")
    assert (len(content), content[38]) == (1024, 0x0C)


def test_uarts_between_have_no_wire() -> None:
    """UARTs between the console's and the control UART are not connected."""
    arguments = Wires.sockets(7, 9, 11, uart=3).arguments
    serial = [after for word, after in pairwise(arguments) if word == "-serial"]
    assert serial == ["chardev:console", "null", "null", "chardev:control"]


def test_psram() -> None:
    """The size of PSRAM is QEMU's -m, and limited to the sizes that the chip supports."""
    line = command_line(machine(board=BOARDS["esp32"].with_psram("4M")), Wires.terminal())
    assert line[line.index("-m") + 1] == "4M"
    with pytest.raises(ConfigError) as caught:
        BOARDS["esp32"].with_psram("8M")
    assert str(caught.value) == "Board esp32 does not support 8M of PSRAM: choose 2M or 4M."
    with pytest.raises(ConfigError) as caught:
        BOARDS["esp32c3"].with_psram("2M")
    assert str(caught.value) == "Board esp32c3 has no PSRAM: omit psram."


def test_octal_psram() -> None:
    """PSRAM is quad, unless the firmware drives octal PSRAM and the chip can have some."""
    octal = "driver=ssi_psram,property=is_octal,value=true"
    s3 = BOARDS["esp32s3"]
    assert octal not in command_line(machine(board=s3.with_psram("8M")), Wires.terminal())
    line = command_line(machine(board=s3.with_psram("8M", octal=True)), Wires.terminal())
    assert line[line.index(octal) - 1] == "-global"
    assert BOARDS["esp32"].with_psram("4M", octal=True) == BOARDS["esp32"].with_psram("4M")


@pytest.mark.parametrize(
    ("name", "timer"),
    [(name, f"timer.{name}.timg") for name in ("esp32", "esp32c3")],
)
def test_watchdogs(name: str, timer: str) -> None:
    """An option of QEMU disables the watchdogs, unless the board has them enabled."""
    held = command_line(machine(board=BOARDS[name]), Wires.terminal())
    biting = command_line(machine(board=BOARDS[name].with_watchdogs()), Wires.terminal())
    assert held == [*biting, "-global", f"driver={timer},property=wdt_disable,value=true"]
    assert not any("wdt" in word for word in biting)


@pytest.mark.parametrize("name", ["lx60", "esp32s3"])
def test_no_watchdogs(name: str) -> None:
    """Enabling watchdogs on a board without them is refused."""
    with pytest.raises(ConfigError) as caught:
        BOARDS[name].with_watchdogs()
    assert str(caught.value) == f"Board {name} has no watchdogs: omit watchdogs."


def test_board_without_boot_arguments() -> None:
    """A board whose guest cannot read boot arguments refuses them."""
    board = replace(
        LX60,
        name="one-flash",
        handover=FlashBoot(),
        cpu=None,
        boot_arguments={},
        seeded=False,
        flash=Flash(4 << 20, 2 << 20, 2 << 20, 4096, 32, firmware_at=0),
    )
    line = command_line(machine(board=board), Wires.terminal())
    assert "if=mtd,format=raw,file=/f/flash.img" in line
    assert not {"-kernel", "-append", "-cpu", "-global"} & set(line)
    with pytest.raises(ConfigError) as caught:
        machine(board=board, boot_arguments={"heap": "1"})
    assert str(caught.value) == (
        "Board one-flash has no boot arguments, so it cannot take heap: omit them."
    )
    with pytest.raises(ConfigError) as caught:
        replace(board, boot_arguments={"heap": "1"})
    assert str(caught.value) == (
        "Board one-flash has boot arguments, but its guest has neither a kernel command line nor a "
        "place in flash for them."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"forwards": {0: 1}}, "Guest port 0 is not between 1 and 65535."),
        ({"forwards": {80: 0}}, "Guest port 80 cannot be forwarded 0 times: ask for 1 or more."),
        (
            {"boot_arguments": {"a": "b c"}},
            "The boot argument a is 'b c': use only printable ASCII without spaces.",
        ),
        (
            {"boot_arguments": {"a b": "c"}},
            "'a b' cannot name a boot argument: use letters, digits and _.",
        ),
    ],
)
def test_refused(changes: dict[str, object], sentence: str) -> None:
    """Values that QEMU or the guest would misinterpret are refused."""
    with pytest.raises(ConfigError) as caught:
        machine(**changes)
    assert str(caught.value) == sentence


def test_network_names_may_hold_anything() -> None:
    """Only Wi-Fi names and passwords have spaces, percent signs and non-ASCII text encoded."""
    described = machine(
        boot_arguments={"wlan_ssid": "Caf\u00e9 100%", "wlan_password": "a b", "x": "50%"}
    )
    assert boot_line(described) == "wlan_ssid=Caf%C3%A9%20100%25 wlan_password=a%20b x=50%"


def test_pasteable() -> None:
    """A shell parses the text as exactly the same command."""
    line = command_line(machine(firmware=Path("/f/$(b)' c.elf")), Wires.terminal())
    text = pasteable(line)
    assert shlex.split(text.replace("\\\n", " ")) == line
    assert max(map(len, text.splitlines())) < 100


def test_versions() -> None:
    """Versions are parsed, and old ones are refused."""
    assert parse_version("QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright") == (7, 2, 22)
    assert parse_version("QEMU emulator version 9.0 (esp)") == (9, 0, 0)
    assert parse_version("no such thing") is None
    check_version(LX60, "qemu", (7, 2, 0))
    with pytest.raises(QemuTooOld) as caught:
        check_version(LX60, "/usr/bin/qemu-system-xtensa", (5, 2, 9))
    assert str(caught.value) == (
        "/usr/bin/qemu-system-xtensa is version 5.2.9, but board lx60 needs 7.2.0 or newer: "
        "upgrade it (apt-get install --no-install-recommends qemu-system-misc)."
    )


def test_status() -> None:
    """Each kind of exit status has an explanation."""
    assert explain_status(1) == "ended with exit status 1"
    assert explain_status(-9) == "was killed by signal 9"
    assert explain_status(None) == "closed its console but is still running"


def test_unknown_board() -> None:
    """The error for an unknown board lists the known ones."""
    with pytest.raises(ConfigError) as caught:
        board_named("esp8266")
    known = "esp32, esp32c3, esp32c6, esp32s3, lx60"
    assert str(caught.value) == f"Unknown board 'esp8266': choose one of {known}."
