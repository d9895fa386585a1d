# SPDX-License-Identifier: MIT
"""esp-emu's command line, as its documentation describes it, and how esp-emu is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from esp_emu_image import installed
from esp_emu_stand_in import parser
from espbench.boards.board import Board
from espbench.boards.builtin import ALL_BOARDS, ESP32C6, board_named
from espbench.boards.emulators import Wifi
from espbench.boards.esp_emu import emulated, in_esp_emu
from espbench.emulator.choice import found_version, terminal_command
from espbench.emulator.espemu.command import command_line
from espbench.emulator.espemu.discovery import esp_emu_version, find_esp_emu, parse_version
from espbench.emulator.espemu.network import network_of, wifi_in
from espbench.emulator.options import board_in
from espbench.errors import ConfigError, QemuNotFound, QemuTooOld
from espbench.qemu.process import Machine

Chosen = Callable[..., Board]


def machine(board: Board = ESP32C6, **options: Any) -> Machine:
    """Return a machine with an image that need not exist."""
    return Machine(board=board, firmware=Path("/f/app.bin"), flash=Path("/f/flash.img"), **options)


def test_command_line() -> None:
    """It has the documented options, and listens on loopback alone."""
    board = replace(ESP32C6, wifi=Wifi("home", "secret-word"))
    line = command_line(
        machine(board, extra=("--batch-size", "1000")), {80: 40080, 443: 40443}, control=40000
    )
    assert line == [
        *("esp-emu", "--chip", "esp32c6", "--firmware", "/f/flash.img"),
        "--net",
        "user,restrict=yes,hostfwd=tcp:127.0.0.1:40080-:80,hostfwd=tcp:127.0.0.1:40443-:443",
        *("--wifi-ssid", "home", "--wifi-password", "secret-word"),
        *("--control-tcp", "127.0.0.1:40000"),
        *("--batch-size", "1000"),
    ]
    known = parser().parse_args(line[1:])
    assert (known.chip, known.wifi_ssid) == ("esp32c6", "home")


def test_internet_and_psram() -> None:
    """A guest that may reach the Internet is not restricted; PSRAM has the size of the board."""
    board = in_esp_emu(board_named("esp32s3")).with_psram("8M", octal=True)
    line = command_line(machine(board, internet=True), {})
    assert line[1:] == [
        *("--chip", "esp32s3", "--firmware", "/f/flash.img", "--psram-size", "8M"),
        *("--net", "user"),
    ]


def test_open_network() -> None:
    """An open network has an empty password, not the default one."""
    line = command_line(machine(replace(ESP32C6, wifi=Wifi("cafe", ""))), {})
    assert line[-4:] == ["--wifi-ssid", "cafe", "--wifi-password", ""]


def test_command_to_paste() -> None:
    """The command in the evidence has no control channel, and ports that can be read."""
    line = terminal_command(machine(forwards={80: 8, 8443: 1}), "/opt/esp-emu")
    assert line[0] == "/opt/esp-emu"
    assert "--control-tcp" not in line
    assert "hostfwd=tcp:127.0.0.1:10080-:80,hostfwd=tcp:127.0.0.1:18443-:8443" in line[-1]


def test_boards() -> None:
    """esp-emu alone runs the ESP32-C6; others can be run by it, without what describes QEMU."""
    assert board_named("esp32c6") is ESP32C6
    assert not ESP32C6.in_qemu
    c3 = in_esp_emu(board_named("esp32c3"))
    assert (c3.machine, c3.qemu, c3.options, c3.still_watchdogs) == ("esp32c3", "esp-emu", (), ())
    assert c3.handover.files == {}
    assert c3.with_watchdogs() is c3
    with pytest.raises(ConfigError, match="esp-emu does not run board esp32: it runs esp32c3, "):
        in_esp_emu(board_named("esp32"))


@pytest.mark.parametrize(
    ("board", "emulator", "wifi", "message"),
    [
        ("esp32c3", "bochs", None, "Unknown emulator 'bochs': choose qemu or esp-emu"),
        ("esp32c6", "qemu", None, "QEMU does not run board esp32c6"),
        ("esp32c3", "", Wifi("home", ""), "QEMU emulates no Wi-Fi: add --emulator esp-emu"),
    ],
)
def test_wrong_choice(board: str, emulator: str, wifi: Wifi | None, message: str) -> None:
    """A choice that no emulator offers is an error that says what to choose."""
    with pytest.raises(ConfigError, match=message):
        emulated(ALL_BOARDS[board], emulator, wifi)


@pytest.mark.parametrize(
    ("ssid", "password", "message"),
    [
        ("", "long enough", "does not have 1 to 32 bytes"),
        ("ü" * 17, "long enough", "does not have 1 to 32 bytes"),
        ("home", "short", "has 5 characters: WPA2 needs 8 to 63"),
    ],
)
def test_impossible_network(ssid: str, password: str, message: str) -> None:
    """No network has such a name or password."""
    with pytest.raises(ConfigError, match=message):
        Wifi(ssid, password)


@pytest.fixture
def chosen() -> Chosen:
    """Return a function that chooses a board by options."""

    def choose(name: str, emulator: str | None = None, variable: str = "", **said: Any) -> Board:
        password = said.pop("password", None)
        options = {"ssid": None, "image": None, **said}
        environment = {"ESPBENCH_EMULATOR": variable} if variable else {}
        if password is not None:
            environment["ESPBENCH_WIFI_PASSWORD"] = password
        return board_in(ALL_BOARDS[name], emulator, environment=environment, **options)

    return choose


def test_choice(chosen: Chosen) -> None:
    """An option wins over the environment, which boards that esp-emu has not ignore."""
    assert chosen("esp32c3").in_qemu
    assert not chosen("esp32c3", "esp-emu").in_qemu
    assert not chosen("esp32c3", None, "esp-emu").in_qemu
    assert chosen("esp32c3", "qemu", "esp-emu").in_qemu
    assert chosen("esp32", None, "esp-emu").in_qemu
    assert chosen("esp32c6", ssid="home", password="long enough").wifi == Wifi(
        "home", "long enough"
    )
    assert chosen("esp32c6", ssid="home").wifi == Wifi("home", "")
    assert chosen("esp32c6", password="long enough").wifi is None  # that of no network here


def test_network_of_the_build(chosen: Chosen, tmp_path: Path) -> None:
    """The network is that of ESP-IDF's build, unless an option names another."""
    config = tmp_path / "config" / "sdkconfig.json"
    config.parent.mkdir()
    config.write_text('{"EXAMPLE_WIFI_SSID": "lab", "EXAMPLE_WIFI_PASSWORD": "p4ssphrase"}')
    for image in (tmp_path, tmp_path / "merged-binary.bin"):
        found = network_of(image)
        assert found is not None
        assert (found.ssid, found.password) == ("lab", "p4ssphrase")
        assert found.source == f"CONFIG_EXAMPLE_WIFI_SSID in {config}"
        assert chosen("esp32c6", image=image).wifi == found
    assert chosen("esp32c6", image=tmp_path, ssid="home").wifi == Wifi("home", "")
    assert chosen("esp32c3", image=tmp_path).wifi is None  # in QEMU
    config.write_text("[")
    assert network_of(tmp_path) is None
    assert network_of(tmp_path / "config") is None


@pytest.mark.parametrize(
    ("config", "network"),
    [
        ({"ESP_WIFI_SSID": "a", "ESP_WIFI_PASSWORD": "12345678"}, ("a", "12345678")),
        ({"APP_WIFI_SSID": "a", "APP_WIFI_PASS": ""}, ("a", "")),
        ({"WIFI_SSID": "a", "WIFI_PASSWD": "12345678"}, ("a", "12345678")),
        ({"A_WIFI_SSID": "a", "B_WIFI_SSID": "b"}, None),
        ({"A_WIFI_SSID": "a", "A_WIFI_PASSWORD": "short"}, None),
        ({"A_WIFI_SSID": ""}, None),
        ({}, None),
    ],
)
def test_network_in_options(config: dict[str, Any], network: tuple[str, str] | None) -> None:
    """Options whose names end in WIFI_SSID name the network, if there is one."""
    found = wifi_in(config, "x")
    assert (None if found is None else (found.ssid, found.password)) == network


def test_discovery(tmp_path: Path) -> None:
    """It is found on PATH, then where its installer puts it; its version is the one it prints."""
    with pytest.raises(QemuNotFound, match=r"neither on PATH nor in ~/\.local/bin: install it"):
        find_esp_emu({"PATH": str(tmp_path), "HOME": str(tmp_path)})
    (tmp_path / ".local").mkdir()
    default = installed(tmp_path / ".local" / "bin")
    home = {"PATH": str(tmp_path / "path"), "HOME": str(tmp_path)}
    assert find_esp_emu(home) == str(default)
    first = installed(tmp_path / "path", "0.45.9")
    assert find_esp_emu(home) == str(first)
    assert esp_emu_version(str(default)) == (0, 49, 0)
    with pytest.raises(QemuTooOld, match=r"is version 0\.45\.9, but board esp32c6 needs 0\.46\.0"):
        found_version(ESP32C6, str(first))


def test_version() -> None:
    """The version is on a line of its own, among others."""
    assert parse_version("INFO starting\nesp-emu 0.49.0\n") == (0, 49, 0)
    assert parse_version("QEMU emulator version 9.2.2") is None
