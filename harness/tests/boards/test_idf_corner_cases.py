# SPDX-License-Identifier: MIT
"""ESP-IDF's own servers in corner cases that its examples do not reach, in a firmware of ours.

Read in the source of ESP-IDF v5.5, shown on v5.4.1. What our modules do there is in the scenarios:
`scenarios/limits` and `scenarios/memory`.
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
    pytest.mark.timeout(1200),  # the first one builds, on a machine that may be busy
]

CERTIFICATE = recipes()["p256"]
TLS = Tls(trust=CERTIFICATE.trust)
SESSIONS = 4
"""`max_open_sockets` of both servers."""
NOISE = 2000
"""Bytes that may be missing, such as of a connection in TIME-WAIT; a TLS session has 20 kB."""
LATER_MS = 3000
"""After so long the asynchronous requests are answered: main.c."""


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
    """Return the ways to both servers."""
    return Endpoints(device, TLS)


def ask_later(clients: Sequence[HttpConnection], device: Device) -> None:
    """Have an asynchronous request wait in each session."""
    for client in clients:
        client.send("GET", "/later")
    device.console.expect("all sessions wait\n")


def test_all_sessions_asynchronous(device: Device, endpoints: Endpoints) -> None:
    """While each session waits for an asynchronous answer, one client more takes the processor.

    There is no session to purge and the newcomer's connection stays to be accepted, so the server's
    task, above the program's priority, looks for one again and again.
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
    """The next request in a session whose answer was asynchronous waits for somebody else's.

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
    """Without `lru_purge_enable` a fifth client hears nothing at all until a place is free."""
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
    """Without memory for its TLS session a client is closed on with no alert; nothing is lost."""
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
    """Return how many bytes are free, with so many left for BALLAST_MS of main.c."""
    return int(endpoints.http.get("/memory" + ("" if leave is None else f"?leave={leave}")).text)
