# SPDX-License-Identifier: MIT
"""ESP-IDF's HTTPS server in corner cases, in the unchanged example.

Found in the source of ESP-IDF v5.5, reproduced on v5.4.1.
"""

from __future__ import annotations

import re
import select
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import idf_flash
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from esp_image import replaced, sealed
from espbench.boards.readiness import ConsoleReadiness
from espbench.cli import main as cli
from espbench.clients import source_ports
from espbench.device.device import Device
from espbench.embedded.contact import Contact
from espbench.util.timeouts import Deadline
from idf_examples import BUILT, absence, folder, upstream
from inner_pytest import inner_pytest

WHY = absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "they are here")

LISTENING = ConsoleReadiness(r"Server listening on port 443\n(.*\n)*.*IPv4 address: ")
APP_AT = 0x10000
SESSIONS = 4
"""`max_open_sockets` of HTTPD_SSL_CONFIG_DEFAULT."""
HANDSHAKE_LIMIT = 10.0
"""ESP-TLS's limit of a handshake in seconds."""
BYTE_EVERY = 0.4
"""Seconds; less than the server's receive time-out of 5 s."""


def flash(tmp_path: Path, app: bytes | None = None) -> Path:
    """Return the example's flash image, with this application instead if given."""
    image = bytearray(idf_flash.flash(folder("https_server") / BUILT))
    if app is not None:
        image[APP_AT : APP_AT + len(app)] = app
    path = tmp_path / "flash.bin"
    path.write_bytes(image)
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Contact]:
    """Return access to the running example."""
    with Device("esp32", flash(tmp_path), ready=LISTENING) as device:
        yield Contact(device)


def connect(server: Contact, timeout: float = 20.0) -> ssl.SSLSocket:
    """Return a TLS connection that distinguishes an end with close_notify from one without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = tcp(server, timeout)
    try:
        return context.wrap_socket(raw, suppress_ragged_eofs=False)
    except BaseException:
        raw.close()
        raise


def tcp(server: Contact, timeout: float = 20.0) -> socket.socket:
    """Return a TCP connection from an unused source port."""
    return source_ports.connect(server.port(443), Deadline(timeout).seconds)


def get(connection: ssl.SSLSocket) -> bytes:
    """Return the example's response."""
    connection.sendall(b"GET / HTTP/1.1\r\nHost: esp32\r\n\r\n")
    answer = b""
    while b"</h1>" not in answer:
        piece = connection.recv(4096)
        assert piece, f"closed after {answer!r}"
        answer += piece
    return answer


def test_fifth_connection(server: Contact) -> None:
    """The fifth connection closes the least recently used one, without close_notify."""
    clients = [connect(server) for _ in range(SESSIONS)]
    try:
        for client in clients:
            assert b"200 OK" in get(client)
        assert b"200 OK" in get(clients[0])  # so that the second is the least recently used one
        clients.append(connect(server))
        assert b"200 OK" in get(clients[-1])
        with pytest.raises((ssl.SSLEOFError, ConnectionError)):
            clients[1].recv(1)
        for client in (clients[0], *clients[2:]):
            assert b"200 OK" in get(client)
    finally:
        for client in clients:
            client.close()


def test_trickling_handshake(server: Contact) -> None:
    """A client that sends its ClientHello byte by byte blocks the only task for over 10 s."""
    with tcp(server) as trickling, ThreadPoolExecutor() as pool:
        trickling.sendall(client_hello()[:1])
        second = pool.submit(connect, server, 60)
        deadline = Deadline(HANDSHAKE_LIMIT + 2, scale=1)
        for byte in client_hello()[1:]:
            readable, _, _ = select.select([trickling], [], [], BYTE_EVERY)
            assert not readable, "the server ended the handshake"
            assert not second.done()
            if deadline.expired():
                break
            trickling.sendall(bytes([byte]))
        assert deadline.expired(), "the ClientHello was too short"
        trickling.close()
        with second.result(Deadline(20).seconds) as client:
            assert b"200 OK" in get(client)


def client_hello() -> bytes:
    """Return the first record of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


def with_other(name: str, content: Callable[[bytes], bytes]) -> bytes:
    """Return the example's application with one of its files replaced by text of equal length."""
    app = (folder("https_server") / BUILT / "https_server.bin").read_bytes()
    assert sealed(app) == app
    file = (upstream("https_server") / "main" / "certs" / name).read_bytes()
    return replaced(app, file, content(file))


def assert_starts_and_fails_each_client(path: Path) -> None:
    """Assert that the server listens, fails each handshake, and goes on."""
    with Device("esp32", path, ready=LISTENING) as device:
        server = Contact(device)
        for _ in range(2):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                connect(server)
            device.console.expect("httpd_accept_conn: session creation failed")
        assert device.panicked() is None


def test_pair_that_does_not_match(tmp_path: Path) -> None:
    """With a key that does not match the certificate, the server starts but fails each client."""
    app = with_other("prvtkey.pem", lambda key: other_key(len(key)))
    assert_starts_and_fails_each_client(flash(tmp_path, app))


@pytest.mark.parametrize("name", ["servercert.pem", "prvtkey.pem"])
def test_file_that_cannot_be_parsed(name: str, tmp_path: Path) -> None:
    """With an invalid certificate or key, the server starts but fails each client."""
    app = with_other(name, lambda file: b"not PEM ".ljust(len(file), b"x"))
    assert_starts_and_fails_each_client(flash(tmp_path, app))


def other_key(length: int) -> bytes:
    """Return an RSA key as PEM text of this length, which varies by about ten bytes."""
    while True:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        text = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        if len(text) == length:
            return text


def test_the_walk_through_of_ci(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The smoke suite and the gate run on this image without espbench, as in ci/README.md."""
    image = flash(tmp_path).rename(tmp_path / "https_server.bin")
    shutil.copy(folder("https_server") / BUILT / "https_server.elf", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    ready = "IPv4 address: "
    output = inner_pytest(
        *(tmp_path, "--espbench", "--espbench-board=esp32", f"--espbench-firmware={image}"),
        *(
            f"--espbench-ready-console={ready}",
            "--espbench-ports=https=443",
            "-p",
            "no:pytest_embedded",
        ),
    )
    assert "5 passed, 3 skipped" in output
    gate = ["gate", "--board", "esp32", "--firmware", str(image), "--ready-console", ready]
    gate += ["--baseline", str(tmp_path / "baseline.json")]
    assert cli.main([*gate, "--update"]) == 0
    assert cli.main(gate) == 0
    output = capsys.readouterr().out
    assert re.search(r"The gate for esp32 is open: none of \d+ figures got worse\.", output)
    assert (
        "12 figures are not available: The firmware does not have espbench's module bench" in output
    )
