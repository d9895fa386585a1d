# SPDX-License-Identifier: MIT
"""Which path of a server is asked: that of the profile before "/"."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import cast

import pytest
from espbench.check.profile import ExpectedAnswer, Profile
from espbench.check.target.discovery import find_servers
from espbench.device.device import Device
from espbench.util.timeouts import Deadline
from fake_device import listening


def device_on(port: int) -> Device:
    """Return a device whose only listener is a port of this host."""
    listener = SimpleNamespace(protocol="tcp", port=80, reachable=True)
    qemu = SimpleNamespace(host_ports=lambda _: [port] * 8)
    fake = SimpleNamespace(
        check=lambda: None, listeners=lambda: [listener], qemu=qemu, port=lambda _: port
    )
    return cast("Device", fake)


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
