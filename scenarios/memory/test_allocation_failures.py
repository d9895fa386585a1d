# SPDX-License-Identifier: MIT
"""A device whose allocations fail: each one in turn, alone or with all that follow."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass

import pytest
from espbench.certs import Recipe
from espbench.clients import (
    ByteStream,
    ClientError,
    ClientTimeout,
    Endpoint,
    Endpoints,
    HttpConnection,
    RawWebSocket,
    Stream,
    Tls,
    TlsStream,
)
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

pytestmark = pytest.mark.failures(
    "no_memory",
    "recv_timeout",
    "handshake_closed",
    "handshake_timeout",
    "peer_reset",
    "tls_protocol",
    "tls_alert",
)

SHARDS = 8
"""Tests that a sweep is split into, so that several workers can run it."""
OUTAGE = 0.15
"""Seconds that a persistent failure lasts, unless the connection ends earlier."""
PATIENCE = 15.0
"""Seconds that a client waits for one step: when the allocation for a SYN failed, slirp retransmits
it after 6 s."""


def one_echo(endpoints: Endpoints) -> None:
    """Open a wss connection, echo once, and close it."""
    with endpoints.https.patient(PATIENCE).websocket() as wss:
        wss.send("one echo")
        assert wss.receive() == "one echo"


COUNTS = 12
"""How often to count the allocations of an echo, to see by how much the number varies."""
TRIES = 4
"""How often to run a step on a busy machine, where an echo may take fewer allocations than any of
the counted ones."""


@dataclass(frozen=True)
class Allocations:
    """How many allocations a wss handshake with one echo takes.

    Data that arrives together takes one buffer; data that arrives separately takes one each, with
    separate acknowledgements. So the number depends on timing.
    """

    least: int
    most: int

    @property
    def surely(self) -> int:
        """How many every echo takes, even one that takes fewer than the counted ones."""
        return self.least - (self.most - self.least)


@pytest.fixture(scope="module")
def allocations(shared_device: Device, recipe_endpoints: Endpoints) -> Allocations:
    """Count the allocations of a wss handshake with one echo."""
    one_echo(recipe_endpoints)
    shared_device.settle()
    counts = []
    for _ in range(COUNTS):
        shared_device.fail_alloc(1 << 30)
        one_echo(recipe_endpoints)
        shared_device.settle()
        seen = shared_device.fail_alloc_seen()
        shared_device.fail_alloc(0)
        assert seen["failed"] == 0
        counts.append(seen["allocations"])
    return Allocations(min(counts), max(counts))


@pytest.fixture(scope="module")
def recipe_endpoints(shared_device: Device, recipe: Recipe) -> Endpoints:
    """Return the endpoints of the module's device."""
    return Endpoints(shared_device, Tls(trust=recipe.trust, secrets=shared_device.tls_secrets))


SLACK = 4096
"""Bytes that may be in TIME_WAIT during a sweep: see `LeakCheck` in conftest.py."""


@dataclass
class Sweep:
    """How the clients of a sweep fared.

    Attributes:
        survived: served in spite of the failure.
        ended: saw the connection close, a reset or an error response.
        missed: met no failure, because there was no such allocation.
    """

    steps: int = 0
    missed: int = 0
    survived: int = 0
    ended: int = 0


@dataclass
class Step:
    """One failing allocation, or all from it on, and the client that meets it."""

    device: Device
    endpoint: Endpoint
    talk: Callable[[ByteStream], None]
    number: int
    persistent: bool

    def run(self, sweep: Sweep, free: int) -> int:
        """Run the step; return 0 if an allocation was made to fail, else how many there were.

        Raises:
            ClientTimeout: the client got no response.
            MemoryLeaked: more than a few control blocks were not freed.
        """
        self.device.fail_alloc(self.number, self.persistent)
        raw = self.endpoint.raw()
        with ThreadPoolExecutor(1) as thread:
            outcome = thread.submit(self._client, raw)
            if self.persistent:
                while not outcome.done() and not self.device.fail_alloc_seen()["failed"]:
                    wait([outcome], 0.01)
                outage = Deadline(OUTAGE)
                while not (outcome.done() or outage.expired() or self._open() == 0):
                    wait([outcome], 0.01)
            else:
                wait([outcome])
            seen = self._seen_at_rest()
            self.device.fail_alloc(0)
            survived = outcome.result()
        sweep.survived += survived
        sweep.ended += not survived
        sweep.steps += 1
        self.device.settle(free=free - SLACK)  # the rest is in TIME_WAIT: see `LeakCheck`
        if seen["failed"]:
            return 0
        sweep.missed += 1
        assert survived, "a client was not served, although no allocation failed"
        return seen["allocations"]

    def _seen_at_rest(self) -> dict[str, int]:
        """Return the counts once an allocation has failed, or none is left that could."""
        before = None
        while not (seen := self.device.fail_alloc_seen())["failed"]:
            if self._open() == 0 and seen == before:
                break
            before = seen
            self.device.wait_for_change(0.01)
        return seen

    def _client(self, raw: Stream) -> bool:
        """Return whether the client was served; an orderly close is fine too."""
        try:
            stream: ByteStream = (
                raw if self.endpoint.tls is None else TlsStream(raw, self.endpoint.tls)
            )
            self.talk(stream)
        except ClientTimeout:
            raise
        except ClientError:
            return False
        finally:
            raw.close()
        return True

    def _open(self) -> int:
        return int(self.device.stats()["https" if self.endpoint.tls else "http"]["open"])


def echo(stream: ByteStream) -> None:
    """Open a WebSocket, echo once, and close it."""
    with RawWebSocket(stream, timeout=PATIENCE) as websocket:
        websocket.send("one echo")
        assert websocket.receive() == "one echo"


def post(stream: ByteStream) -> None:
    """Send a POST request whose body fills three segments."""
    answer = HttpConnection(stream, timeout=PATIENCE).request("POST", "/echo", b"x" * 3000)
    # 408: the last byte, which slirp retransmits, may arrive after the request time-out.
    assert answer.status in (200, 408, 500, 503)


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("persistent", [False, True], ids=["once", "persistently"])
def test_every_allocation_fails(
    persistent: bool,
    shard: int,
    allocations: Allocations,
    shared_device: Device,
    endpoints: Endpoints,
    record_property: Callable[[str, object], None],
) -> None:
    """Whichever allocation of a wss handshake with one echo fails, nothing else is affected.

    Each step checks that the failure was really injected, that the connection succeeded or ended
    in an orderly way and in time, and that all memory was freed. The next step proves that the
    device serves. Only the last few numbers may be missed, by an echo that takes fewer allocations
    than others. An echo that takes fewer than any counted one is repeated.
    """
    sweep = Sweep()
    free = shared_device.settle().free
    numbers = range(1 + shard, allocations.most + 1, SHARDS)
    for number in numbers:
        step = Step(shared_device, endpoints.https.patient(PATIENCE), echo, number, persistent)
        for _ in range(TRIES):
            took = step.run(sweep, free)
            if not 0 < took < allocations.surely:
                break
        assert took == 0 or allocations.surely <= took < number, (
            f"allocation {number} did not fail, and there were {took}; {allocations}"
        )
    record_property("sweep", vars(sweep))
    print(f"{allocations}, shard {shard}: {sweep}")
    assert sweep.steps >= len(numbers)


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "persistently"])
def test_beyond_the_last_allocation_nothing_fails(
    persistent: bool, allocations: Allocations, shared_device: Device, endpoints: Endpoints
) -> None:
    """The sweep has an end: beyond the last allocation the echo works and nothing is injected."""
    shared_device.settle()
    shared_device.fail_alloc(allocations.most * 2, persistent)
    one_echo(endpoints)
    assert shared_device.fail_alloc_seen()["failed"] == 0
    shared_device.fail_alloc(0)


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "persistently"])
def test_every_allocation_of_a_plain_request_fails(
    persistent: bool, shared_device: Device, endpoints: Endpoints
) -> None:
    """The same for a POST over HTTP, for every allocation until none fails."""
    free = shared_device.settle().free
    sweep = Sweep()
    for number in range(1, 200):
        step = Step(shared_device, endpoints.http.patient(PATIENCE), post, number, persistent)
        if step.run(sweep, free):
            print(f"{number - 1} allocations: {sweep}")
            assert number > 5
            return
    pytest.fail("a POST request took 200 allocations")


def test_a_failure_is_logged_and_counted(shared_device: Device, endpoints: Endpoints) -> None:
    """A failed allocation is reported on the console and counted."""
    before = shared_device.stats()
    since = len(shared_device.console.text)
    for number in range(20, 40):  # some allocations are retried when memory is free
        shared_device.fail_alloc(number)
        try:
            one_echo(endpoints)
        except ClientError:
            break
    else:
        pytest.fail("no failed allocation ended a handshake")
    shared_device.fail_alloc(0)
    shared_device.settle()
    assert "out of memory" in shared_device.console.text[since:]
    after = shared_device.stats()
    assert after["alloc_failures"] > before["alloc_failures"]
    assert after["handshakes"]["failed"] == before["handshakes"]["failed"] + 1


def test_the_others_do_not_notice(shared_device: Device, endpoints: Endpoints) -> None:
    """While one handshake runs out of memory, open sessions of all four kinds go on."""
    with (
        endpoints.https.websocket() as wss,
        endpoints.http.websocket() as ws,
        endpoints.https.http() as https,
        endpoints.http.http() as http,
    ):
        for number in (1, 5, 15, 40, 100, 400):
            shared_device.fail_alloc(number)
            with suppress(ClientError):
                endpoints.https.patient(PATIENCE).get("/hello")
            shared_device.fail_alloc(0)
            for websocket in (ws, wss):
                websocket.send(f"{number}")
                assert websocket.receive() == f"{number}"
            for connection in (http, https):
                assert connection.get("/hello").status == 200
