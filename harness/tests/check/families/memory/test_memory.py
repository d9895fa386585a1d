# SPDX-License-Identifier: MIT
"""What counts as a leak, and which places are let fail first."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from espbench.check.check import CheckFailed, NotApplicable
from espbench.check.families.memory import leaks, scarcity
from espbench.check.families.memory.allocations import allocations, judge, own_first
from espbench.check.families.memory.support import Loss, repeat
from espbench.check.subject import Subject
from espbench.clients.errors import ConnectionEnded
from espbench.crash.types import Frame
from espbench.device.device import Device
from espbench.inspect.allocations import Outcome, Place
from espbench.inspect.tasks.task import least_free


@pytest.mark.parametrize(
    ("loss", "leak"),
    [
        (Loss(200, 0, 0), False),
        (Loss(200, -400, 1), False),
        (Loss(200, 120, 2), False),  # two allocations of others
        (Loss(200, 20_000, 200), True),
        (Loss(200, 1000, 10), True),  # with each 20th connection
        (Loss(200, 20_000, 1), True),  # one allocation that grows
        (Loss(10, 300, 3), True),
    ],
)
def test_leak(loss: Loss, leak: bool) -> None:
    """A few allocations of others are not a leak; one per connection, or a growing one, is."""
    assert loss.leak is leak


def _leaks(monkeypatch: pytest.MonkeyPatch, *losses: Loss) -> str:
    waiting = list(losses)
    monkeypatch.setattr(leaks, "lost", lambda *_: waiting.pop(0))
    try:
        observation = leaks.leaks(cast("Subject", None), lambda _: None, "http", "connections")
    except CheckFailed as error:
        return str(error)
    assert not waiting
    (figure,) = observation.figures
    return str(figure)


def test_leaks_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like a leak has to show twice."""
    none, leak = Loss(200, 0, 0), Loss(200, 20_000, 200)
    assert _leaks(monkeypatch, none) == "memory leaked by each of 200 connections: 0 B"
    assert _leaks(monkeypatch, leak, none) == "memory leaked by each of 200 connections: 0 B"
    assert _leaks(monkeypatch, leak, leak) == (
        "200 connections leaked 20000 bytes in 200 allocations, and 200 more leaked 20000 bytes in "
        "200: 100 bytes each."
    )


def test_three_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """When connections fail in the end, the check says after how many, and what was free."""
    left = [1, 2]

    def client(_: int) -> None:
        if not left:
            raise ConnectionEnded("127.0.0.1:4711 closed the connection.", reset=False)
        left.pop()

    monkeypatch.setattr(leaks, "WARM", 5)
    device = SimpleNamespace(heap=lambda: SimpleNamespace(free=3000))
    subject = cast("Subject", SimpleNamespace(device=device))
    with pytest.raises(CheckFailed) as caught:
        leaks.leaks(subject, client, "http", "connections")
    assert str(caught.value) == (
        "After 2 connections, three in a row failed, with 3000 bytes of heap free: it closed the "
        "connection."
    )


def test_repeat() -> None:
    """A client may fail now and then, but not three times in a row."""

    def failing(bad: Callable[[int], bool]) -> Callable[[int], None]:
        def client(number: int) -> None:
            if bad(number):
                raise ConnectionEnded("gone", reset=True)

        return client

    assert repeat(failing(lambda number: number % 3 > 0), 20, 10) == 20
    assert repeat(failing(lambda _: False), 20, 0) == 1
    with pytest.raises(ConnectionEnded):
        repeat(failing(lambda number: number > 5), 20, 10)


def _place(function: str, file: str, line: int = 1) -> Place:
    frame = Frame(0x4000, function, file, line)
    return Place((0x4000,), (frame,), 1, ((100, 1),), 1)


def test_own_first() -> None:
    """The firmware's own places come before Mbed TLS's; the system's are left out."""
    places = [
        _place("pbuf_alloc", "/idf/components/lwip/lwip/src/core/pbuf.c"),
        _place("mbedtls_mpi_grow", "/idf/components/mbedtls/mbedtls/library/bignum.c"),
        _place("mbedtls_mpi_grow", "/idf/components/mbedtls/mbedtls/library/bignum.c"),
        _place("httpd_ssl_open", "/idf/components/esp_https_server/src/https_server.c"),
        _place("serve", "/work/main/server.c"),
    ]
    assert [each.frames[0].function for each in own_first(places)] == [
        "httpd_ssl_open",
        "serve",
        "mbedtls_mpi_grow",
    ]


def test_preparation() -> None:
    """A request that fails before anything is broken says nothing about memory."""
    device = cast("Device", SimpleNamespace(allocation_places=lambda exchange: exchange()))

    def refuses(_timeout: float) -> NoReturn:
        raise ConnectionEnded("It refused the connection.", reset=True)

    endpoint = SimpleNamespace(patient=refuses)
    subject = cast("Subject", SimpleNamespace(device=device, endpoint=endpoint, path="/"))
    with pytest.raises(NotApplicable) as caught:
        allocations(subject)
    assert str(caught.value) == (
        "On a quiet device, a request fails: it refused the connection. Look at the families http, "
        "websocket and tls first."
    )


def test_judge() -> None:
    """A place that loses memory, or ends the device, fails the check, and is named."""
    usual: dict[str, Any] = {
        "persistent": False,
        "failed": 1,
        "served": False,
        "error": "",
        "panics": 0,
        "answers": True,
        "lost": 0,
    }
    good = Outcome(_place("a", "a.c", 1), **usual)
    judge([good])
    loses = Outcome(_place("b", "b.c", 2), **{**usual, "lost": 29_152})
    ends = Outcome(_place("c", "c.c", 3), **{**usual, "panics": 1})
    with pytest.raises(CheckFailed) as caught:
        judge([good, loses, ends])
    assert str(caught.value) == (
        "At 2 of 3 places that allocate during a request, a failed allocation harms more than that "
        "request: b (b.c:2) fails: 29152 bytes lost; c (c.c:3) fails: the device restarts."
    )


def test_least_free() -> None:
    """The size of their stacks distinguishes tasks of the same name."""
    tasks: list[Any] = [
        SimpleNamespace(name="httpd", stack_low_water=500, stack_size=4096),
        SimpleNamespace(name="httpd", stack_low_water=700, stack_size=10240),
        SimpleNamespace(name="main", stack_low_water=9, stack_size=3584),
    ]
    assert least_free(tasks) == {"httpd (4096 B)": 500, "httpd (10240 B)": 700, "main": 9}


def test_leaving() -> None:
    """Memory is held until just so much is left, and given back."""

    class Device:
        def __init__(self) -> None:
            self.size, self.held = 100_000, 0

        def heap(self) -> Any:
            return SimpleNamespace(free=self.size - self.held, ballast=self.held)

        def ballast(self, size: int) -> int:
            self.held = size - size % 512
            return self.held

    device = Device()
    subject = cast("Subject", SimpleNamespace(device=device))
    with scarcity.leaving(subject, 12_000) as left:
        assert 12_000 <= left <= 13_024
    assert device.held == 0
