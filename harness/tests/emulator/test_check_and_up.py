# SPDX-License-Identifier: MIT
"""`espbench check`, `up`, `doctor` and pytest with a stand-in for esp-emu, not esp-emu itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from esp_emu_image import image_for, installed
from espbench.boards.emulators import WIFI_PASSWORD_VARIABLE
from espbench.cli.main import main

HOME = {"ssid": "home", "password": "long enough"}
OPTIONS = ["--wifi-ssid", "home"]


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the password of the network that the options name."""
    monkeypatch.setenv(WIFI_PASSWORD_VARIABLE, HOME["password"])


@pytest.fixture
def image(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes an image, and returns its path."""

    def make(chip: str = "esp32c6", **script: Any) -> str:
        path = tmp_path / "app.bin"
        path.write_bytes(image_for(chip, **script))
        return str(path)

    return make


Check = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def check(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Return a function that runs `espbench check --json`."""

    def run(image: str, *options: str) -> tuple[int, dict[str, Any]]:
        out = str(tmp_path / "out")
        status = main(["check", image, "--json", "--jobs", "1", "--out", out, *options])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return status, found

    return run


def test_check(image: Callable[..., str], check: Check) -> None:
    """A server that is reached over Wi-Fi is checked, also after a reset by esp-emu."""
    status, found = check(
        image(**HOME), *OPTIONS, "--only", "boot.comes_up", "--only", "boot.reset"
    )
    outcomes = {each["name"]: each["outcome"] for each in found["results"]}
    assert outcomes == {"boot.comes_up": "observed", "boot.reset": "observed"}
    assert status == 0
    assert found["versions"]["esp-emu"] == "0.49.0"


def test_password_is_not_repeated(image: Callable[..., str], check: Check, tmp_path: Path) -> None:
    """The password is in no file that a check leaves, although its evidence can be booted again."""
    junit = tmp_path / "out" / "check.xml"
    status, found = check(
        *(image(ssid="elsewhere"), *OPTIONS, "--redact", "--junit", str(junit)),
        *("--only", "boot.comes_up", "--ready-timeout", "3"),
    )
    assert status == 1, found["results"]
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {"check.json", "report.html", "check.xml", "command.txt"} <= {p.name for p in files}
    for path in files:
        assert HOME["password"].encode() not in path.read_bytes(), path
    (command,) = (path.read_text() for path in files if path.name == "command.txt")
    assert '--wifi-ssid home --wifi-password "$ESPBENCH_WIFI_PASSWORD"' in command.replace(
        " \\\n    ", " "
    )


def test_what_esp_emu_lacks_is_not_applicable(image: Callable[..., str], check: Check) -> None:
    """Checks that look into the guest are not applicable, with the reason; others run."""
    chosen = ("http.versions", "memory.requests", "memory.stacks")
    options = [word for name in chosen for word in ("--only", name)]
    _, found = check(image(**HOME), *OPTIONS, *options)
    results = {each["name"]: each for each in found["results"]}
    reason = (
        "esp-emu has no monitor that pauses a guest, reads its memory and impairs its network; "
        "QEMU does, which runs the boards esp32, esp32c3 and esp32s3."
    )
    assert found["not_inspectable"] == reason
    for name in chosen[1:]:
        assert (results[name]["outcome"], results[name]["sentence"]) == ("not applicable", reason)
    assert results[chosen[0]]["outcome"] != "not applicable"


def test_waits_for_another_network(image: Callable[..., str], check: Check) -> None:
    """A firmware that joins no network fails, and the sentence names the one that was offered."""
    status, found = check(image(**HOME), "--only", "boot.comes_up", "--ready-timeout", "3")
    assert status == 1
    (result,) = found["results"]
    (finding,) = result["findings"]
    assert finding["sentence"] == (
        "It starts Wi-Fi, but got no address. The network that esp-emu offers is its default one, "
        "myssid with the password mypassword: name the one that the firmware joins with "
        "--wifi-ssid, and set ESPBENCH_WIFI_PASSWORD."
    )


def test_serves_nothing(image: Callable[..., str], check: Check) -> None:
    """A firmware without servers boots; the sentence has the ports that were tried."""
    _, found = check(image(), "--only", "boot.comes_up", "--ready-timeout", "3")
    (result,) = found["results"]
    assert result["outcome"] == "observed"
    assert "No server answered on the ports 80, 443, 8080 and 8443" in result["sentence"]


def test_other_port(image: Callable[..., str], check: Check) -> None:
    """--ports forwards a port that is not among the likely ones."""
    options = [*OPTIONS, "--ports", "http=9000", "--only", "boot.comes_up"]
    status, found = check(image(**HOME, port=9000), *options)
    assert status == 0
    assert [each["port"] for each in found["servers"]] == [9000]


def test_esp32c3(image: Callable[..., str], check: Check) -> None:
    """An image for another chip runs in esp-emu if the option says so."""
    status, found = check(
        image("esp32c3", **HOME), *OPTIONS, "--emulator", "esp-emu", "--only", "boot.comes_up"
    )
    assert status == 0
    assert found["versions"]["board"] == "esp32c3: ESP32-C3 (RISC-V), Espressif's esp-emu"


def test_without_an_image(program: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """espbench has no firmware of its own for the chip."""
    assert main(["check", "--board", "esp32c6"]) == 1
    assert "no firmware of its own for board esp32c6: name an image" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["setup", "ci"])
def test_commands_for_qemu(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands that need QEMU say that they do not support the board."""
    assert main([command, "--board", "esp32c6"]) == 1
    assert "runs in esp-emu alone, which this command does not support" in capsys.readouterr().err


def test_not_installed(
    image: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without esp-emu, one sentence says how to install it."""
    monkeypatch.setenv("HOME", "/nonexistent")
    assert main(["check", image()]) == 1
    error = capsys.readouterr().err
    assert "esp-emu is neither on PATH nor in ~/.local/bin: install it with Espressif's" in error


@pytest.mark.parametrize(("version", "state"), [("0.49.0", "ok"), ("0.30.0", "missing")])
def test_doctor(
    version: str, state: str, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The doctor shows esp-emu's version, or how to get it, and what it is for."""
    installed(program.parent, version)
    status = main(["doctor", "--board", "esp32c6", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    (found,) = [each for each in findings if each["board"] == "esp32c6"]
    assert (found["subject"], found["state"]) == ("esp-emu", state)
    assert version in found["found"]
    assert "boots images for the chip, and with --emulator esp-emu Wi-Fi images" in found["found"]
    assert status == (state == "missing")
    main(["doctor", "--board", "esp32c6"])
    shown = capsys.readouterr().out
    assert ("Ready to boot and check any image for esp32c6." in shown) == (state == "ok")
    assert "own firmware for esp32c6" not in shown


def test_up(image: Callable[..., str], program: Path) -> None:
    """`espbench up` shows the console, and the address that answers over Wi-Fi."""
    command = [sys.executable, "-m", "espbench", "up", image(**HOME), *OPTIONS, "--json"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        text = ""
        for line in process.stdout:
            text += line
            if line.startswith("}"):
                break
        addresses = json.loads(text)["addresses"]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", addresses["http"])
    finally:
        process.terminate()
        _, errors = process.communicate()
    assert "sta ip: 192.168.4.2" in errors


def test_up_with_a_port(image: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    """A fixed host port is refused before anything starts."""
    assert main(["up", image(**HOME), "--http-port", "8080"]) == 1
    assert "omit --http-port and --https-port" in " ".join(capsys.readouterr().err.split())


def test_pytest(image: Callable[..., str], program: Path, tmp_path: Path) -> None:
    """A test of anybody's firmware runs in esp-emu, by the image's chip."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "from espbench.clients import Endpoint\n\n"
        "def test_it(device):\n"
        "    assert device.board.emulator == 'esp-emu'\n"
        "    assert Endpoint(device.port(80)).get('/').status == 200\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "espbench.plugin", "test_it.py"]
    options = [f"--espbench{option[1:]}" if option[:2] == "--" else option for option in OPTIONS]
    command += ["--espbench-firmware", image(**HOME), *options]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
