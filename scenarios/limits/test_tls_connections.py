# SPDX-License-Identifier: MIT
"""Four HTTPS and ten HTTP connections at once: the last that fits, one more, and bursts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import pytest
from espbench.boards.board import Board
from espbench.boards.readiness import ListeningReadiness
from espbench.certs import Recipe
from espbench.clients import (
    ConnectionEnded,
    Endpoint,
    Endpoints,
    HttpConnection,
    Outcome,
    Tls,
    TlsStream,
    WebsocketsClient,
    run_concurrently,
)
from espbench.device.device import Device
from espbench.plugin import DeviceFactory
from espbench.util.timeouts import Deadline, timeout_scale

MAX_HTTP, MAX_HTTPS = 10, 4
LIMITS = {"http": MAX_HTTP, "https": MAX_HTTPS}
BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
BACKOFF = 0.05
"""Seconds that a client waits before it tries again: it cannot know when a slot is free."""
STALL = 3.0
"""Seconds without a response that a client of a burst may see, beyond the work done for it: slirp
retransmits a lost SYN after 6 s."""


START = (
    "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
    "key_file='/certs/prvtkey.pem'{})"
)


def start(device: Device, options: str = "") -> None:
    """Start the servers with these options in addition to the bench application's."""
    assert device.eval(START.format(options))


@pytest.fixture
def refuse(shared_device: Device) -> Iterator[None]:
    """Make the device refuse one connection more instead of purging one."""
    start(shared_device, ", full='refuse'")
    yield
    start(shared_device)


@pytest.fixture
def opened(endpoints: Endpoints) -> Iterator[Callable[[str], HttpConnection]]:
    """Return a function that opens a connection and completes one request on it."""
    with ExitStack() as stack:

        def open_one(scheme: str) -> HttpConnection:
            http = stack.enter_context(endpoints[scheme].http())
            assert http.get("/hello").status == 200
            return http

        yield open_one


def wait_for_open(device: Device, scheme: str, count: int) -> None:
    """Wait until the device has this many connections open."""
    end = time.monotonic() + 5
    while (now := device.stats()[scheme]["open"]) != count:
        assert time.monotonic() < end, f"{now} connections are open instead of {count}"


@BOTH
def test_the_last_one_that_fits_works(
    scheme: str, opened: Callable[[str], HttpConnection], shared_device: Device
) -> None:
    """Ten HTTP or four HTTPS connections are open and get responses in turn, three times over."""
    before = shared_device.stats()[scheme]
    connections = [opened(scheme) for _ in range(LIMITS[scheme])]
    for _ in range(3):
        for connection in connections:
            assert connection.get("/hello").text == "hello\n"
    after = shared_device.stats()[scheme]
    assert after["open"] == LIMITS[scheme]
    assert (after["purged"], after["refused"]) == (before["purged"], before["refused"])


def test_the_fourth_wss_works(endpoints: Endpoints) -> None:
    """Four wss sessions echo in turn."""
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(endpoints.https.websockets_client()) for _ in range(MAX_HTTPS)
        ]
        for turn in range(3):
            for number, session in enumerate(sessions):
                assert session.echo(f"{turn} {number}") == f"{turn} {number}"


@BOTH
def test_one_more_purges_the_least_recently_used(
    scheme: str, opened: Callable[[str], HttpConnection], shared_device: Device
) -> None:
    """By default one more is served, and the connection that was idle longest is closed."""
    before = shared_device.stats()[scheme]["purged"]
    connections = [opened(scheme) for _ in range(LIMITS[scheme])]
    assert connections[0].get("/hello").status == 200  # so the second is idle longest
    one_more = opened(scheme)
    connections[1].ended(2)
    for connection in [connections[0], *connections[2:], one_more]:
        assert connection.get("/hello").status == 200
    assert shared_device.stats()[scheme]["purged"] == before + 1


def test_a_purged_tls_client_sees_no_close_notify(
    opened: Callable[[str], HttpConnection], endpoints: Endpoints
) -> None:
    """As on ESP-IDF, a purged TLS client sees TCP close without a close_notify."""
    victim = opened("https")
    for _ in range(MAX_HTTPS):
        opened("https")
    assert isinstance(victim.stream, TlsStream)
    with suppress(ConnectionEnded):  # a reset has no close_notify either
        assert victim.stream.receive(2) == b""
        assert victim.stream.ended_cleanly is False


def test_a_purged_websocket_is_told_to_python(
    opened: Callable[[str], HttpConnection], shared_device: Device, endpoints: Endpoints
) -> None:
    """A purged wss session ends with a disconnect event with code 1006."""
    shared_device.exec(
        "import wsserver\n"
        "gone = []\n"
        "wsserver.on('disconnect', lambda client, code: gone.append(code))\n"
    )
    websocket = endpoints.https.websocket()
    for _ in range(MAX_HTTPS):
        opened("https")
    websocket.wait_until_gone(2)
    websocket.stream.close()
    assert shared_device.eval("gone") == [1006]
    shared_device.exec("wsserver.on('disconnect', None)")


@pytest.mark.failures("refused")
@BOTH
def test_one_more_is_refused(
    scheme: str,
    refuse: None,
    opened: Callable[[str], HttpConnection],
    shared_device: Device,
    endpoints: Endpoints,
) -> None:
    """With full="refuse" one more is closed at once, and nobody else notices."""
    before = shared_device.stats()[scheme]
    connections = [opened(scheme) for _ in range(LIMITS[scheme])]
    began = time.monotonic()
    with pytest.raises(ConnectionEnded):
        endpoints[scheme].patient(2).get("/hello")
    assert time.monotonic() - began < 1
    for connection in connections:
        assert connection.get("/hello").status == 200
    after = shared_device.stats()[scheme]
    assert (after["refused"], after["purged"]) == (before["refused"] + 1, before["purged"])


@pytest.mark.failures("refused")
@BOTH
def test_a_freed_place_is_usable_at_once(
    scheme: str,
    refuse: None,
    opened: Callable[[str], HttpConnection],
    shared_device: Device,
    endpoints: Endpoints,
) -> None:
    """As soon as one connection has ended, the next client is served at its first attempt."""
    connections = [opened(scheme) for _ in range(LIMITS[scheme])]
    for victim in connections[:3]:
        victim.close()
        wait_for_open(shared_device, scheme, LIMITS[scheme] - 1)
        assert opened(scheme).get("/hello").status == 200


def test_ten_and_four_together(
    opened: Callable[[str], HttpConnection], shared_device: Device
) -> None:
    """Ten HTTP and four HTTPS connections work side by side."""
    connections = [opened("http") for _ in range(MAX_HTTP)]
    connections += [opened("https") for _ in range(MAX_HTTPS)]
    for turn in range(3):
        for connection in connections:
            body = f"turn {turn}" * 100
            assert connection.request("POST", "/echo", body.encode()).json()["body"] == body
    stats = shared_device.stats()
    assert (stats["http"]["open"], stats["https"]["open"]) == (MAX_HTTP, MAX_HTTPS)


def test_ten_ws_and_four_wss_together(endpoints: Endpoints, shared_device: Device) -> None:
    """Fourteen WebSockets echo 1 kB each at the same time."""
    with ExitStack() as stack:
        endpoints_of_all = [endpoints.http] * MAX_HTTP + [endpoints.https] * MAX_HTTPS
        sessions = [
            stack.enter_context(endpoint.websockets_client()) for endpoint in endpoints_of_all
        ]
        assert shared_device.stats()["websocket"]["open"] == MAX_HTTP + MAX_HTTPS

        def echo(session: WebsocketsClient, number: int) -> bool:
            return session.echo(f"{number:04}" * 250) == f"{number:04}" * 250

        clients = [lambda s=s, n=n: echo(s, n) for n, s in enumerate(sessions)]
        assert all(outcome.get() for outcome in run_concurrently(clients))


def test_the_memory_of_a_session(
    opened: Callable[[str], HttpConnection],
    shared_device: Device,
    board: Board,
    record_property: Callable[[str, object], None],
) -> None:
    """An established TLS session holds no more memory than the board allows, a plain one 1 kB."""
    shared_device.settle()
    free = [shared_device.heap_at_rest().free]
    for scheme in ("https", "https", "http", "http"):
        opened(scheme)
        free.append(shared_device.heap_at_rest().free)
    costs = [before - after for before, after in pairwise(free)]
    record_property("heap_per_tls_session", costs[1])
    record_property("heap_per_http_connection", costs[3])
    assert costs[1] <= board.tls_session
    assert costs[3] <= 1_000


@pytest.mark.failures("refused")
def test_limits_are_options(shared_device: Device, endpoints: Endpoints) -> None:
    """max_http and max_https set the limits, and each is enforced."""
    start(shared_device, ", max_http=2, max_https=1, full='refuse'")
    try:
        for scheme, limit in (("http", 2), ("https", 1)):
            with ExitStack() as stack:
                for _ in range(limit):
                    http = stack.enter_context(endpoints[scheme].http())
                    assert http.get("/hello").status == 200
                with pytest.raises(ConnectionEnded):
                    endpoints[scheme].patient(2).get("/hello")
            wait_for_open(shared_device, scheme, 0)
    finally:
        start(shared_device)


TOO_MANY = (
    r"^Failed to start (HTTPS?) server: (.*) is too many: lwIP is configured for (\d+) connections"
    r", (\d+) of them reserved; ask for at most (\d+) in all\n"
)


class Refused(NamedTuple):
    """The parts of the message when a start asks for more connections than lwIP has."""

    server: str
    asked: str
    all: int
    others: int
    most: int


@pytest.fixture
def try_start(shared_device: Device) -> Iterator[Callable[[int, int], Refused | None]]:
    """Return a function that starts the servers with these limits and returns None if they run."""

    def attempt(max_http: int, max_https: int) -> Refused | None:
        shared_device.console.skip()
        limits = f", max_http={max_http}, max_https={max_https}"
        if shared_device.eval(START.format(limits)):
            return None
        match = shared_device.console.expect(TOO_MANY)
        return Refused(match[1], match[2], *(int(match[n]) for n in (3, 4, 5)))

    yield attempt
    start(shared_device)


def test_limits_are_checked_at_start(
    try_start: Callable[[int, int], Refused | None], shared_device: Device, endpoints: Endpoints
) -> None:
    """Limits beyond lwIP's configuration are refused with the numbers; HTTP goes on.

    The server whose limit is too high does not run, the other does, and valid limits start both.
    """
    refused = try_start(250, MAX_HTTPS)
    assert refused is not None
    assert (refused.server, refused.asked) == ("HTTP", "max_http=250")
    assert refused.most == refused.all - refused.others >= MAX_HTTP + MAX_HTTPS
    assert shared_device.eval("__import__('httpserver').info()['http']") is None
    with pytest.raises(ConnectionEnded):
        endpoints.http.patient(2).get("/hello")
    assert endpoints.https.get("/hello").status == 200

    for max_http, max_https in ((MAX_HTTP, 250), (refused.most - MAX_HTTPS + 1, MAX_HTTPS)):
        again = try_start(max_http, max_https)
        assert again == refused._replace(
            server="HTTPS", asked=f"max_https={max_https} with max_http={max_http}"
        )
        assert shared_device.eval("__import__('httpserver').https_running()") is False
        assert endpoints.http.get("/hello").status == 200

    # Running servers do not count against the limits of those that replace them.
    for max_http in (MAX_HTTP, refused.most - MAX_HTTPS, MAX_HTTP, refused.most // 2):
        assert try_start(max_http, refused.most - max_http) is None
        for scheme in LIMITS:
            assert endpoints[scheme].get("/hello").status == 200
    assert try_start(MAX_HTTP, MAX_HTTPS) is None


def test_the_most_connections_work(
    try_start: Callable[[int, int], Refused | None],
    opened: Callable[[str], HttpConnection],
    shared_device: Device,
) -> None:
    """The highest limits that start() accepts work: that many connections are open and served."""
    refused = try_start(250, MAX_HTTPS)
    assert refused is not None
    max_http = refused.most - MAX_HTTPS
    assert try_start(max_http, MAX_HTTPS) is None
    connections = [opened("https") for _ in range(MAX_HTTPS)]
    connections += [opened("http") for _ in range(max_http)]
    stats = shared_device.stats()
    assert (stats["http"]["open"], stats["https"]["open"]) == (max_http, MAX_HTTPS)
    for connection in connections:
        assert connection.get("/hello").text == "hello\n"


# -------------------------------------------------------------------- bursts


def until_served(endpoint: Endpoint) -> Callable[[], int]:
    """Return a client that retries when it is turned away; it returns the number of attempts."""

    def client() -> int:
        deadline = Deadline(30)
        attempts = 1
        while True:
            try:
                assert endpoint.get("/hello").status == 200
            except ConnectionEnded:
                assert not deadline.expired(), f"turned away {attempts} times"
                attempts += 1
                time.sleep(BACKOFF)
            else:
                return attempts

    return client


def figures(outcomes: list[Outcome[int]]) -> dict[str, float]:
    """Return statistics of how long the clients of a burst took, in milliseconds."""
    seconds = sorted(outcome.ended for outcome in outcomes)
    return {
        "first_ms": round(seconds[0] * 1000, 1),
        "median_ms": round(median(seconds) * 1000, 1),
        "last_ms": round(seconds[-1] * 1000, 1),
    }


@pytest.mark.parametrize("temperature", ["cold", "warm"])
def test_a_burst_of_ten_over_http(
    temperature: str,
    device_factory: DeviceFactory,
    recipe: Recipe,
    record_property: Callable[[str, object], None],
) -> None:
    """Ten clients at once, each on its own host port, are all served without a stall.

    Cold: theirs are the first packets that the guest receives, ARP included.
    """
    device = device_factory(
        forwards={80: MAX_HTTP, 443: 1}, ready=ListeningReadiness(("http", "https"), probe=False)
    )
    endpoints = Endpoints(device, Tls(trust=recipe.trust))
    if temperature == "warm":
        assert endpoints.http.get("/hello").status == 200
    outcomes = run_concurrently([lambda: endpoints.http.get("/hello").status] * MAX_HTTP)
    assert [outcome.get() for outcome in outcomes] == [200] * MAX_HTTP
    measured = figures(outcomes)
    record_property("burst", measured)
    print(f"burst of ten over http, {temperature}: {measured}")
    assert measured["last_ms"] < STALL * 1000
    assert endpoints.https.get("/hello").status == 200
    device.settle()


@pytest.mark.failures("refused", "peer_reset", "handshake_closed")
@pytest.mark.parametrize("full", ["purge", "refuse"])
@pytest.mark.device(forwards={443: 20})
def test_a_burst_of_twenty_over_https(
    full: str,
    device: Device,
    endpoints: Endpoints,
    record_property: Callable[[str, object], None],
) -> None:
    """Twenty clients at once, each on its own host port, all get a response eventually.

    There is room for four. A client that is purged or refused learns it at once and tries again;
    even with twenty or more handshakes on one emulated core, none is left waiting.
    """
    start(device, f", full='{full}'")
    targets = [endpoints.https.patient(20) for _ in range(20)]
    before = device.stats()
    clients = [until_served(endpoint) for endpoint in targets]
    outcomes = run_concurrently(clients, 50)
    attempts = [outcome.get() for outcome in outcomes]
    after = device.stats()
    work = after["handshakes"]["ok"] - before["handshakes"]["ok"]
    measured = {**figures(outcomes), "attempts": sum(attempts), "handshakes": work}
    record_property("burst", measured)
    print(f"burst of twenty over https, {full}: {measured}")
    turned_away = sum(
        after["https"][kind] - before["https"][kind] for kind in ("purged", "refused")
    )
    assert turned_away > 0, "not a burst: nobody was turned away"
    assert measured["last_ms"] < 15_000 * timeout_scale()
    device.settle()


@pytest.mark.failures("refused", "peer_reset", "handshake_closed")
@pytest.mark.device(forwards={80: 20})
def test_a_burst_of_twenty_over_http(
    device: Device, endpoints: Endpoints, record_property: Callable[[str, object], None]
) -> None:
    """Twenty plain clients at once, twice as many as fit, are all served without a stall."""
    targets = [endpoints.http.patient(10) for _ in range(20)]
    clients = [until_served(endpoint) for endpoint in targets]
    outcomes = run_concurrently(clients)
    attempts = [outcome.get() for outcome in outcomes]
    measured = {**figures(outcomes), "attempts": sum(attempts)}
    record_property("burst", measured)
    print(f"burst of twenty over http: {measured}")
    assert measured["last_ms"] < STALL * 1000


@pytest.mark.failures("refused")
def test_turned_away_is_never_silent(shared_device: Device, endpoints: Endpoints) -> None:
    """Of six clients that hold their connections, two are closed and four go on; none waits."""

    def client() -> bool:
        try:
            with endpoints.https.patient(5).http() as http:
                for _ in range(5):
                    assert http.get("/hello").status == 200
        except ConnectionEnded:
            return False
        return True

    served = [outcome.get() for outcome in run_concurrently([client] * 6)]
    assert served.count(True) >= 2
