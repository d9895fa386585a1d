# SPDX-License-Identifier: MIT
"""ESP-IDF's servers in corner cases that its examples do not reach, in a custom firmware.

Found in the source of ESP-IDF v5.5, reproduced on v5.4.1. The scenarios `scenarios/limits` and
`scenarios/memory` test our modules in the same cases.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from espbench.boards.readiness import ConsoleReadiness
from espbench.certs import recipes
from espbench.clients import Endpoints, Tls
from espbench.clients.errors import ClientTimeout, ConnectionEnded
from espbench.clients.http import HttpConnection
from espbench.clients.tls import Step, TlsSteps
from espbench.device.device import Device
from idf_servers import absence, build

WHY = absence()
pytestmark = [
    pytest.mark.skipif(bool(WHY), reason=WHY or "they are here"),
    pytest.mark.timeout(1200),  # the first test builds, perhaps on a busy machine
]

CERTIFICATE = recipes()["p256"]
TLS = Tls(trust=CERTIFICATE.trust)
SESSIONS = 4
"""`max_open_sockets` of both servers."""
NOISE = 2000
"""Bytes that may be missing, such as for a connection in TIME-WAIT; a TLS session has 20 kB."""
LATER_MS = 3000
"""Milliseconds after which asynchronous requests are answered; see main.c."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the firmware."""
    path = tmp_path_factory.mktemp("idf_servers") / "flash.bin"
    path.write_bytes(build(CERTIFICATE))
    return path


@pytest.fixture
def device(image: Path) -> Iterator[Device]:
    """Return a running firmware."""
    with Device("esp32", image, ready=ConsoleReadiness("both servers listen")) as device:
        yield device


@pytest.fixture
def endpoints(device: Device) -> Endpoints:
    """Return the endpoints of both servers."""
    return Endpoints(device, TLS)


def ask_later(clients: Sequence[HttpConnection], device: Device) -> None:
    """Send an asynchronous request in each session."""
    for client in clients:
        client.send("GET", "/later")
    device.console.expect("all sessions wait\n")


def test_all_sessions_asynchronous(device: Device, endpoints: Endpoints) -> None:
    """While every session waits for an asynchronous response, another client hogs the processor.

    There is no session to purge and the new connection remains to be accepted, so the server's
    task, above the program's priority, keeps looking for one.
    """
    for one_more in (False, True):
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(endpoints.http.http()) for _ in range(SESSIONS)]
            ask_later(clients, device)
            if one_more:
                newcomer = stack.enter_context(endpoints.http.http())
                newcomer.send("GET", "/hello")
            for client in clients:
                assert client.receive().text == "later\n"
            if one_more:
                assert newcomer.receive().text == "hello\n"
            else:
                assert "no turn" not in device.console.text
    assert int(device.console.expect(r"no turn for (\d+) ms")[1]) > LATER_MS / 2


def test_after_an_asynchronous_answer(device: Device, endpoints: Endpoints) -> None:
    """After an asynchronous response, the next request in the session waits for other traffic.

    The server's task sleeps in a `select` that began without that session, and nothing wakes it.
    """
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(endpoints.http.http()) for _ in range(SESSIONS)]
        ask_later(clients, device)
        for client in clients:
            assert client.receive().text == "later\n"
        last = clients[-1]
        last.send("GET", "/hello")
        with pytest.raises(ClientTimeout):
            last.receive(timeout=3.0)
        assert endpoints.http.get("/hello").text == "hello\n"
        assert last.receive().text == "hello\n"


def test_no_place_without_purging(device: Device, endpoints: Endpoints) -> None:
    """Without `lru_purge_enable`, a fifth client gets no response until a session is free."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(endpoints.https.http()) for _ in range(SESSIONS)]
        for client in clients:
            assert client.get("/hello").text == "hello\n"
        fifth = stack.enter_context(endpoints.https.raw())
        steps = TlsSteps(TLS)
        steps.go(fifth, Step.HELLO_SENT)
        with pytest.raises(ClientTimeout):
            fifth.receive(3.0)
        for client in clients:
            assert client.get("/hello").text == "hello\n"
        clients.pop().close()
        while not steps.established:
            fifth.send(steps.feed(fifth.receive()))
    assert device.panicked() is None


def test_no_memory_for_a_session(device: Device, endpoints: Endpoints) -> None:
    """Without memory for a TLS session, the server closes without an alert and leaks nothing."""
    assert endpoints.https.get("/hello").text == "hello\n"
    before = memory(endpoints)
    assert memory(endpoints, leave=20_000) < 22_000
    with pytest.raises(ConnectionEnded):
        endpoints.https.get("/hello")
    for line in (
        "esp-tls-mbedtls: mbedtls_ssl_setup returned -0x7F00",
        r"create_ssl_handle failed, returned \[0x8017\]",
        "httpd: httpd_accept_conn: session creation failed",
        "memory is back",
    ):
        device.console.expect(line)
    assert endpoints.https.get("/hello").text == "hello\n"
    assert memory(endpoints) == pytest.approx(before, abs=NOISE)


def memory(endpoints: Endpoints, leave: int | None = None) -> int:
    """Return the free bytes, after leaving this many free for BALLAST_MS (see main.c)."""
    return int(endpoints.http.get("/memory" + ("" if leave is None else f"?leave={leave}")).text)
