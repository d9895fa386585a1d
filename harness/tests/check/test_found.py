# SPDX-License-Identifier: MIT
"""Firmware about which nothing was configured is ready when what it serves has been found."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock, patch

import espbench.device.readiness
import planted
import pytest
from espbench.boards.builtin import ESP32, LX60
from espbench.boards.readiness import HttpReadiness
from espbench.check.server import Server
from espbench.check.target.found import FoundReadiness, find_by_default, url_ports
from espbench.clients import UNVERIFIED, Endpoint
from espbench.device.addresses import Addresses
from espbench.device.device import Device
from espbench.device.readiness import readiness_of
from espbench.errors import ConfigError, NotReady

STRIP = "xtensa-lx106-elf-strip"


@pytest.fixture(params=["symbols", "stripped"])
def firmware(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a web server that is not ours, with symbols and without."""
    path = tmp_path / "server.elf"
    shutil.copy(planted.firmware(), path)
    if request.param == "stripped":
        if shutil.which(STRIP) is None:
            pytest.skip(f"no {STRIP}")
        subprocess.run([STRIP, path], check=True)
    return path


def test_fixture_without_options(firmware: Path, tmp_path: Path) -> None:
    """The fixture `device` needs no option: it waits for what it finds, in each test."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(
        "import urllib.request\n\n"
        "def test_one(device):\n"
        "    with urllib.request.urlopen(device.url('/'), timeout=10) as answer:\n"
        "        assert answer.status == 200\n\n"
        "test_two = test_one\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"]
    command += ["--espbench-firmware", str(firmware), "--espbench-ready-timeout", "30"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


SCRIPT = """
import sys
from espbench import Device
from espbench.clients import UNVERIFIED, Endpoint

with Device("lx60", sys.argv[1]) as device:
    print(type(device.readiness).__name__, Endpoint(device.port(443), UNVERIFIED).get("/").status)
"""


def test_script(firmware: Path) -> None:
    """A script's device waits for what it finds, too, and not for a control channel."""
    command = [sys.executable, "-c", SCRIPT, str(firmware)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "FoundReadiness 200\n", done.stderr


def test_default_readiness(firmware: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own firmware is known by its symbols, so it keeps the readiness of its board."""
    monkeypatch.setattr(espbench.device.readiness, "_foreign", [])
    assert readiness_of(None, LX60, firmware) is LX60.readiness
    find_by_default()
    assert isinstance(readiness_of(None, LX60, firmware), FoundReadiness)
    assert readiness_of(None, LX60, own) is LX60.readiness


def test_own_firmware_reports_its_servers(own: Path) -> None:
    """Firmware that reports its servers is asked for these reports."""
    readiness = FoundReadiness()
    with Device(LX60, own, ready=readiness) as device:
        assert device.control.seen
        assert readiness.describe(device) == "listen for http"
        assert device.url("/", "https").startswith("https://")


@pytest.fixture
def own() -> Path:
    """Return espbench's own firmware."""
    from espbench.firmware import build

    return build.build(LX60).firmware


def test_serves_nothing(tiny_firmware: Callable[[bytes], Path]) -> None:
    """A firmware that serves nothing is not ready, and the message says what to do."""
    device = Device(LX60, tiny_firmware(b"hello\r\n"), ready=FoundReadiness(), ready_timeout=2)
    with pytest.raises(NotReady) as caught, device:
        pass
    said = str(caught.value)
    assert "device did not answer on any TCP port within " in said
    assert "if it serves nothing, say when it is ready with --ready-console" in said
    assert "control records" not in said


def test_https_alone() -> None:
    """The URL of a server that was not found is refused, with the one that was."""
    addresses = Addresses(ESP32, None, Mock(), Mock())
    addresses.serve(url_ports([Server(443, tls=True, http=True)], {}), [443])
    with pytest.raises(ConfigError) as caught:
        addresses.url("/status", "http")
    assert str(caught.value) == (
        "The firmware serves https on port 443, not http: use device.url('/status', 'https')."
    )
    with patch.object(addresses, "relay", return_value=40443):
        assert addresses.url("/status") == "https://127.0.0.1:40443/status"
    with pytest.raises(ConfigError, match=r"serves wss on port 443, not ws: use .*'wss'"):
        addresses.url("/chat", "ws")
    addresses.serve({}, [7, 23])
    with pytest.raises(ConfigError, match="does not serve http: it listens on 7, 23, without"):
        addresses.url()


@pytest.mark.parametrize(
    ("servers", "named", "ports"),
    [
        ([Server(8080, http=True), Server(80, http=True)], {}, {"http": 80}),
        ([Server(8080, http=True), Server(80, http=True)], {"http": 8080}, {"http": 8080}),
        ([Server(8443, http=True, tls=True), Server(7)], {"https": 443}, {"https": 8443}),
    ],
)
def test_ports_of_urls(servers: list[Server], named: dict[str, int], ports: dict[str, int]) -> None:
    """The ports that the user named come first, then the lowest; servers without HTTP have none."""
    assert url_ports(servers, named) == ports


@pytest.mark.parametrize("ports", [{"http": 81, "https": 443}, {"https": 443}])
def test_ready_by_an_answer_over_tls(ports: dict[str, int]) -> None:
    """--ready-http waits for whichever server answers: HTTPS where nothing listens for HTTP."""
    firmware = planted.firmware()
    with Device(LX60, firmware, ports=ports, ready=HttpReadiness("/"), ready_timeout=30) as device:
        assert Endpoint(device.port(443), UNVERIFIED).get("/").status == 200
