# SPDX-License-Identifier: MIT
"""Requests of every family have the header fields that the profile names, such as credentials."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from espbench.boards.builtin import ESP32
from espbench.certs import recipes
from espbench.check.check import CheckFailed, NotApplicable
from espbench.check.families import all_checks
from espbench.check.families.memory import support
from espbench.check.profile import Profile
from espbench.check.server import WebSocketPath
from espbench.check.subject import Subject
from espbench.check.target import discovery
from espbench.clients.errors import ClientError
from espbench.clients.websocket import accept_of
from espbench.device.device import Device
from espbench.util.timeouts import Deadline
from fake_device import listening, subject_of
from fake_tls import served_by

FIELD = ("Authorization", "Basic dXNlcjpwYXNz")
LINE = b"Authorization: Basic dXNlcjpwYXNz"
TLS = (
    *("tls.server_closes", "tls.small_records", "tls.largest_record", "tls.empty_records"),
    *("tls.truncated", "tls.newcomer", "tls.resumption", "tls.half_closed"),
)


def answered(connection: socket.socket, heads: list[bytes]) -> None:
    """Answer requests, and keep each one's head."""
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            received = connection.recv(65536)
            if not received:
                return
            data += received
        head, _, data = data.partition(b"\r\n\r\n")
        heads.append(head)
        length = next(
            (int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.startswith(b"Content-L")), 0
        )
        while len(data) < length:
            data += connection.recv(65536)
        data = data[length:]
        key = next((x for x in head.split(b"\r\n") if x.startswith(b"Sec-WebSocket-Key: ")), b"")
        if key:
            accept = accept_of(key.decode().partition(": ")[2])
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
            )
            connection.recv(65536)
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if b"Connection: close" in head:
            return


@pytest.fixture
def heads() -> list[bytes]:
    """Return the list of the heads that the server got."""
    return []


@pytest.fixture
def plain(heads: list[bytes]) -> Iterator[Subject]:
    """Yield a server without TLS that upgrades each request that asks for it."""
    with listening(lambda connection: answered(connection, heads)) as port:
        yield subject_of(port, websocket=WebSocketPath("/ws"), headers=dict([FIELD]))


@pytest.fixture
def secure(heads: list[bytes], tmp_path: Path) -> Iterator[Subject]:
    """Yield a server with TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    for name, data in recipes()["p256"].device_files.items():
        (tmp_path / name).write_bytes(data)
    context.load_cert_chain(tmp_path / "servercert.pem", tmp_path / "prvtkey.pem")

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as it:
            answered(it, heads)

    with served_by(serve) as subject:
        subject.profile = Profile(headers=dict([FIELD]))
        yield subject


@pytest.mark.parametrize("name", TLS)
def test_tls(name: str, secure: Subject, heads: list[bytes]) -> None:
    """The checks of TLS send them inside of their sessions."""
    check = next((each for each in all_checks() if each.name == name), None)
    if check is None:
        pytest.fail(f"there is no check {name}")
    for case in list(check.cases) or [""]:
        with contextlib.suppress(NotApplicable, CheckFailed):
            check.run(secure, case)
    assert heads
    assert all(LINE in each for each in heads), heads


@pytest.mark.parametrize(
    "name", ["http.at_once", "http.half_close", "websocket.plain_get", "websocket.upgrade"]
)
def test_plain(name: str, plain: Subject, heads: list[bytes]) -> None:
    """The checks of HTTP and of upgrades send them."""
    check = next((each for each in all_checks() if each.name == name), None)
    if check is None:
        pytest.fail(f"there is no check {name}")
    for case in list(check.cases) or [""]:
        with contextlib.suppress(NotApplicable, CheckFailed):
            check.run(plain, case)
    assert heads
    assert all(LINE in each for each in heads), heads


@pytest.mark.parametrize(
    "client",
    [
        lambda subject: subject.answers(),
        support.exercise,
        support.message,
        lambda subject: subject.endpoint.get("/"),
        lambda subject: subject.endpoint.websockets_client("/ws"),
        lambda subject: subject.connection(subject.endpoint.stream(), 5.0).get("/"),
    ],
    ids=["answers", "exercise", "message", "get", "websockets_client", "connection"],
)
def test_clients(client: Callable[[Subject], object], plain: Subject, heads: list[bytes]) -> None:
    """So do the clients of the families memory and soak, and those that ask how the device is."""
    with contextlib.suppress(ClientError):  # the server ends without a close frame
        client(plain)
    assert heads
    assert all(LINE in each for each in heads), heads


def test_discovery(plain: Subject, heads: list[bytes]) -> None:
    """The search for servers and paths sends them: without, all answers may be 401."""
    host = plain.device.ports(80)[0]
    device = cast(
        "Device",
        SimpleNamespace(
            port=lambda _guest: host,
            board=ESP32,
            emulator=SimpleNamespace(
                host_ports=lambda _guest: [host] * 8, add_forward=lambda _forward: None
            ),
            listeners=lambda: [SimpleNamespace(port=80, protocol="tcp", reachable=True)],
            check=lambda: None,
        ),
    )
    found = discovery.find_servers(device, plain.profile, ["/a"], Deadline(20))
    assert [each.port for each in found] == [80]
    assert len(heads) > 3
    assert all(LINE in each for each in heads), heads


def test_a_field_of_the_same_name_wins(plain: Subject, heads: list[bytes]) -> None:
    """A check that tries its own credentials sends these alone."""
    plain.endpoint.request("GET", "/", None, {"authorization": "none"})
    assert b"authorization: none" in heads[0]
    assert LINE not in heads[0]
