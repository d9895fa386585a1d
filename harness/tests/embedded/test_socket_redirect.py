# SPDX-License-Identifier: MIT
"""Connections to a guest's address are redirected to a host port, and no others are."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from espbench.embedded.socket_redirect import Route
from espbench.errors import QmpError

GUEST = "10.0.2.15"


class Handler(BaseHTTPRequestHandler):
    """Answers each GET request."""

    def do_GET(self) -> None:
        """Send a short response."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: object) -> None:
        """Suppress the log."""


@pytest.fixture
def port() -> Iterator[int]:
    """Return the port of a server on this host."""
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def route(port: int) -> Iterator[Route]:
    """Return a route that redirects port 80 of a guest to the server."""

    def forward(guest_port: int) -> int:
        if guest_port != 80:
            raise QmpError("QEMU refused it.")
        return port

    route = Route()
    route.add(GUEST, forward)
    yield route
    route.remove(GUEST)


def test_clients(route: Route, port: int) -> None:
    """Blocking and asynchronous clients of the guest reach the server."""
    connection = http.client.HTTPConnection(GUEST, 80, timeout=5)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"hello"
    connection.close()

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(GUEST, 80)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    assert b"200 OK" in asyncio.run(ask())
    with socket.socket() as client:
        assert client.connect_ex((GUEST, 80)) == 0
        assert client.getpeername() == ("127.0.0.1", port)


def test_source_port_of_its_own(route: Route) -> None:
    """Each connection gets its own source port; a bound socket keeps its port."""
    with socket.socket() as one, socket.socket() as two, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        before = bound.getsockname()
        for client in (one, two, bound):
            client.connect((GUEST, 80))
        assert one.getsockname()[1] != two.getsockname()[1]
        assert bound.getsockname() == before


def test_others_pass(route: Route, port: int) -> None:
    """Other addresses, and datagrams to this one, are not redirected."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        assert client.getpeername() == ("127.0.0.1", port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect((GUEST, 9))
        assert datagrams.getpeername() == (GUEST, 9)


def test_unreachable(route: Route) -> None:
    """A port that cannot be forwarded refuses the connection, and the error says why."""
    with pytest.raises(ConnectionRefusedError) as caught:
        socket.create_connection((GUEST, 81), 5)
    assert caught.value.strerror == "The guest 10.0.2.15 cannot be reached: QEMU refused it."
    with socket.socket() as client:
        assert client.connect_ex((GUEST, 81)) == caught.value.errno


def test_taken_back(port: int) -> None:
    """`socket.socket` is restored when the last guest is removed, and not before."""
    before = dict(vars(socket.socket))
    route = Route()
    route.add(GUEST, lambda _: port)
    route.add("10.0.3.15", lambda _: port)
    route.remove(GUEST)
    route.remove(GUEST)
    with socket.create_connection(("10.0.3.15", 80), 5) as client:
        assert client.getpeername() == ("127.0.0.1", port)
    route.remove("10.0.3.15")
    assert dict(vars(socket.socket)) == before
