# SPDX-License-Identifier: MIT
"""Which servers are found: those on the ports that the user named; and which path is asked."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import cast

import pytest
from espbench.boards.builtin import ESP32
from espbench.check.profile import ExpectedAnswer, Profile
from espbench.check.target import discovery
from espbench.check.target.discovery import find_servers
from espbench.device.device import Device
from espbench.errors import ConfigError, DeviceError
from espbench.util.timeouts import Deadline
from fake_device import listening


def device_on(port: int, *guests: int) -> Device:
    """Return a device whose only listeners, by default on port 80, are a port of this host."""
    listeners = [
        SimpleNamespace(protocol="tcp", port=each, reachable=True) for each in guests or (80,)
    ]
    emulator = SimpleNamespace(host_ports=lambda _: [port] * 8)
    fake = SimpleNamespace(
        board=ESP32,
        check=lambda: None,
        listeners=lambda: listeners,
        emulator=emulator,
        port=lambda _: port,
        run=SimpleNamespace(readiness=SimpleNamespace(check_program=lambda _: None)),
    )
    return cast("Device", fake)


def hello(connection: socket.socket) -> None:
    """Answer a request."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_only_the_ports_that_are_named() -> None:
    """The user's ports are what is checked, whatever else the firmware serves."""
    with listening(hello) as port:
        device = device_on(port, 80, 8080)
        assert [each.port for each in find_servers(device, Profile(), (), Deadline(20))] == [
            80,
            8080,
        ]
        profile = Profile(ports={"http": 8080})
        assert [each.port for each in find_servers(device, profile, (), Deadline(20))] == [8080]


def test_a_named_port_that_opens_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that the user named is waited for, when another one listens already."""
    monkeypatch.setattr(discovery, "STABLE", 0.0)
    looks = 0

    def listeners() -> list[SimpleNamespace]:
        nonlocal looks
        looks += 1
        ports = (80, 81) if looks > 5 else (80,)
        return [SimpleNamespace(protocol="tcp", port=each, reachable=True) for each in ports]

    with listening(hello) as port:
        device = device_on(port)
        monkeypatch.setattr(device, "listeners", listeners)
        profile = Profile(ports={"http": 81})
        assert [each.port for each in find_servers(device, profile, (), Deadline(20))] == [81]


@pytest.mark.parametrize(
    ("ports", "sentence"),
    [
        ({"http": 81}, "Nothing listens on port 81: the firmware serves http on port 80. Correct"),
        (
            {"https": 80},
            "The firmware does not serve https on port 80: it serves http on port 80. Correct",
        ),
    ],
)
def test_a_named_port_that_does_not_serve(
    ports: dict[str, int], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the firmware serves instead is one sentence."""
    monkeypatch.setattr(discovery, "LATE", 0.2)
    with listening(hello) as port, pytest.raises(ConfigError, match=sentence) as caught:
        find_servers(device_on(port), Profile(ports=ports), (), Deadline(20))
    assert "firmware.ports in the profile" in str(caught.value)


def test_nothing_serves() -> None:
    """A firmware that listens nowhere fails to boot, if the user named its ports."""
    device = device_on(0)
    device.listeners().clear()
    profile = Profile(ports={"http": 80, "https": 443})
    with pytest.raises(DeviceError, match=r"Within .*, nothing listens on port 80 or 443, or on o"):
        find_servers(device, profile, (), Deadline(0.2))


@pytest.mark.parametrize(
    ("asked", "found", "status"),
    [((), "/", 200), (("/hello.txt",), "/hello.txt", 200), (("/missing",), "/", 200)],
)
def test_the_profiles_path_comes_first(asked: tuple[str, ...], found: str, status: int) -> None:
    """Checks ask a path that the profile names, because "/" may be slow; one that is missing not.

    The first request decides, so a server whose "/" is slow is not asked for it.
    """
    requests: list[str] = []

    def serve(connection: socket.socket) -> None:
        path = connection.recv(4096).split()[1].decode()
        requests.append(path)
        answer = b"404 Not Found" if path not in ("/", "/hello.txt") else b"200 OK"
        connection.sendall(b"HTTP/1.1 " + answer + b"\r\nContent-Length: 0\r\n\r\n")

    profile = Profile(paths=tuple(ExpectedAnswer(path) for path in asked))
    with listening(serve) as port:
        [server] = find_servers(device_on(port), profile, (), Deadline(20))
    assert (server.path, server.status) == (found, status)
    assert requests[0] == (asked[0] if asked else "/")
