# SPDX-License-Identifier: MIT
"""Connections that the device has closed, which lwIP keeps in TIME-WAIT (RFC 9293 section 3.6.1).

Each takes about 200 bytes of the heap that requests need. Without a limit, a client that opens and
closes connections as fast as it can takes all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from espbench.clients import (
    ClientError,
    Endpoints,
    RawWebSocket,
    WebSocketError,
    run_concurrently,
)
from espbench.clients.websocket import CLOSE, Frame, close_payload
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

LIMIT = 16
"""Closed connections that the servers keep (CLOSED_MAX in webserver/net/closed.c)."""
AT_ONCE = 4
EACH = 16
ENOUGH = 12_000
"""Bytes for `AT_ONCE` requests with their connections, and for `LIMIT` closed ones."""


def closes_http(endpoints: Endpoints) -> None:
    """Have the device close a connection after its response."""
    answer = endpoints.http.request("GET", "/nowhere", None, {"Connection": "close"})
    assert answer.status == 404


def closes_https(endpoints: Endpoints) -> None:
    """Have the device close a connection in its handshake, which takes no time to compute."""
    with endpoints.https.raw() as stream:
        stream.send(b"GET / HTTP/1.1\r\n\r\n")
        stream.wait_until_gone()


def opened(endpoints: Endpoints, path: str) -> RawWebSocket:
    """Open a session; on a slow chip, the queue to MicroPython may be full, which means 503."""
    deadline = Deadline(20)
    while True:
        try:
            return endpoints.http.websocket(path)
        except WebSocketError:
            assert not deadline.expired()


def closes_websocket(endpoints: Endpoints, path: str = "/ws") -> None:
    """Have the device close a session: the server closes TCP first (RFC 6455 section 7.1.1)."""
    websocket = opened(endpoints, path)
    websocket.send_frame(Frame(CLOSE, close_payload(1000)))
    websocket.wait_until_gone()
    websocket.stream.close()


def closes_webrepl(endpoints: Endpoints) -> None:
    """Have the device close a session of the WebREPL."""
    closes_websocket(endpoints, "/webrepl")


KINDS = [closes_http, closes_https, closes_websocket, closes_webrepl]


@pytest.mark.failures("plain_http_on_tls", "queue_full")
@pytest.mark.parametrize("closes", KINDS)
def test_few_closed_connections_are_kept(
    closes: Callable[[Endpoints], None], shared_device: Device, endpoints: Endpoints
) -> None:
    """However many connections the device has closed, it keeps the last ones alone."""

    def client() -> int:
        most = 0
        for _ in range(EACH):
            closes(endpoints)
            most = max(most, shared_device.inspection.connections().get("TIME-WAIT", 0))
        return most

    most = max(outcome.get() for outcome in run_concurrently([client] * AT_ONCE))
    assert 0 < most <= LIMIT + AT_ONCE


@pytest.fixture
def little_memory(shared_device: Device) -> Iterator[None]:
    """Take ballast until little memory is free."""
    deadline = Deadline(5)
    more = 1024 + shared_device.board.heap_noise
    while not ENOUGH <= (heap := shared_device.heap()).free < ENOUGH + more:
        assert not deadline.expired(), f"{heap.free} bytes are free"
        shared_device.ballast(heap.ballast + heap.free - ENOUGH - more // 2)
    yield
    shared_device.ballast(0)


@pytest.mark.failures("queue_full")
@pytest.mark.parametrize("closes", [closes_http, closes_websocket])
def test_closed_connections_leave_memory_for_requests(
    closes: Callable[[Endpoints], None],
    little_memory: None,
    shared_device: Device,
    endpoints: Endpoints,
) -> None:
    """One connection after the other, as fast as the device serves them: none lacks memory."""
    failures = shared_device.stats()["alloc_failures"]

    def client() -> None:
        for _ in range(4 * EACH):
            closes(endpoints)

    for outcome in run_concurrently([client] * 2):
        with suppress(ClientError):
            outcome.get()
    assert shared_device.stats()["alloc_failures"] == failures
