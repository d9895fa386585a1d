# SPDX-License-Identifier: MIT
"""A bad network between clients and the device: loss, delay, reordering, small windows, outages."""

from __future__ import annotations

import contextlib
import json
import random
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from espbench.clients import (
    ByteStream,
    Endpoints,
    HttpConnection,
    Step,
    TlsSteps,
    WebRepl,
    encode_request,
)
from espbench.clients.errors import ConnectionEnded
from espbench.clients.webrepl import GET, PUT, request
from espbench.clients.websocket import PING, Frame
from espbench.device.device import Device
from espbench.netem import Change, Network
from espbench.util.timeouts import Deadline

PATIENCE = 60.0
"""Seconds for a client's call: slirp retransmits a lost SYN after 6 s, and may lose that too."""
KEEP_ALIVE = 35.0
"""Seconds after which the device knows that an idle client has vanished (lwipopts.h)."""
LINGER = 1.0
"""Seconds for which the device discards input after it has closed (LINGER_US)."""
LOST = 8.0
"""Seconds for which it then keeps trying to deliver its last data (LOST_US)."""
PASSWORD = "espbench"
TRIES = 3
GIVEN_UP = "the client does not read the output"
SIZE = 100_000
SLOW_HANDSHAKES = json.dumps({"httpserver": {"handshake_timeout_ms": 60_000}})

# A handshake that loses several segments may take longer than the device's time-out of 10 s.
pytestmark = pytest.mark.device(files={"/config.json": SLOW_HANDSHAKES})


@pytest.fixture
def network(device: Device) -> Network:
    """Return the network of this scenario's device."""
    return device.network


@pytest.fixture
def patient(endpoints: Endpoints) -> Endpoints:
    """Return endpoints whose clients wait long enough for a bad network."""
    endpoints.timeout = PATIENCE
    return endpoints


def wait_until(device: Device, what: str, true: Callable[[], bool], timeout: float) -> float:
    """Wait until `true` returns true; return how many seconds it took."""
    deadline, started = Deadline(timeout), time.monotonic()
    while not true():
        assert not deadline.expired(), f"not {what} within {deadline}"
        device.wait_for_change(0.02)
    return time.monotonic() - started


def content(size: int = SIZE) -> bytes:
    """Return bytes without a repeating pattern."""
    return random.Random(size).randbytes(size)


# -------------------------------------------------------------------- handshakes

BREAKS: Mapping[str, tuple[Callable[[Network], Change], str]] = {
    "loss": (lambda network: network.loss(0.05), "lost"),
    "delay": (lambda network: network.delay(0.15), "delayed"),
    "reorder": (lambda network: network.reorder(0.2), "reordered"),
    "window": (lambda network: network.window(256), "clamped"),
    "rate": (lambda network: network.rate(4000), "delayed"),
}
"""Impairments by name: how to apply each, and the counter that it increments."""


ROUNDS = {"loss": 4, "delay": 1, "reorder": 4, "window": 1, "rate": 1, "loss+delay": 3}
"""How many attempts: more than one where chance decides."""


@pytest.mark.parametrize("how", ROUNDS)
def test_handshakes(how: str, network: Network, patient: Endpoints) -> None:
    """HTTPS and WSS work with 5 % loss, 300 ms delay, both, reordering, tiny windows and 4 kB/s."""
    broken = [BREAKS[name] for name in how.split("+")]
    with contextlib.ExitStack() as changes:
        for breaks, _ in broken:
            changes.enter_context(breaks(network))
        for _ in range(ROUNDS[how]):
            assert patient.https.get("/hello").text == "hello\n"
            with patient.https.websocket() as wss:
                wss.send("x" * 600)
                assert wss.receive() == "x" * 600
    for direction in ("to_guest", "to_client"):
        for _, met in broken:
            assert getattr(network.counts(direction), met) > 0


def test_latency_is_felt(network: Network, patient: Endpoints) -> None:
    """The delay takes effect: over plain HTTP a response takes two round trips of 300 ms."""
    patient.http.get("/hello")
    with network.delay(0.15):
        started = time.monotonic()
        patient.http.get("/hello")
        assert time.monotonic() - started >= 0.6


# -------------------------------------------------------------------- files


def download(repl: WebRepl, name: str, size: int, ahead: int = 64) -> bytes:
    """Read a file of known size, requesting chunks ahead: one per round trip would take minutes."""
    repl.socket.send(request(GET, name))
    repl.expect_good("get")
    wanted = -(-size // 256) + 1  # the last chunk is empty
    asked = min(ahead, wanted)
    repl.socket.send(bytes(asked))
    data = b""
    for _ in range(wanted):
        (length,) = struct.unpack("<H", repl.read_bytes(2))
        data += repl.read_bytes(length)
        if asked < wanted:
            repl.socket.send(b"\0")
            asked += 1
    repl.expect_good("get")
    return data


# With both impairments, 100 kB over wss would take another half minute and show nothing more.
@pytest.mark.failures("send_timeout")
@pytest.mark.parametrize(
    ("scheme", "delay", "size"),
    [
        pytest.param("ws", 0.15, SIZE, id="loss-and-delay"),
        pytest.param("wss", 0.0, SIZE, id="loss-over-tls"),
        pytest.param("wss", 0.15, 20_000, id="loss-and-delay-over-tls"),
    ],
)
def test_files(
    scheme: str, delay: float, size: int, device: Device, network: Network, patient: Endpoints
) -> None:
    """A file of 100 kB (20 kB) is transferred intact with 5 % loss, with and without 300 ms delay.

    With 300 ms delay, a segment that is lost three times in a row takes longer than the 5 s that
    the device waits for an acknowledgement (ESP-IDF's send_wait_timeout). The transfer is retried.
    """
    data = content(size)
    with network.loss(0.05), network.delay(delay):
        for left in reversed(range(TRIES)):
            try:
                with contextlib.closing(patient[scheme].websocket("/webrepl")) as socket:
                    repl = WebRepl(socket, PASSWORD, timeout=PATIENCE)
                    repl.put("/lossy.bin", data)
                    assert download(repl, "/lossy.bin", size) == data
                    break
            except ConnectionEnded:
                assert device.wait_for_text(GIVEN_UP, Deadline(5))
                if not left:
                    raise
    assert network.counts("to_guest").lost > 0
    assert network.counts("to_client").lost > 0


def test_files_out_of_order(network: Network, patient: Endpoints) -> None:
    """A file of 100 kB is reassembled from segments that overtake each other."""
    data = content()
    with network.reorder(0.2), contextlib.closing(patient.http.websocket("/webrepl")) as socket:
        repl = WebRepl(socket, PASSWORD, timeout=PATIENCE)
        repl.put("/mixed.bin", data)
        assert download(repl, "/mixed.bin", SIZE) == data
    assert network.counts("to_guest").reordered > 10


# -------------------------------------------------------------------- outages


def test_a_cut_and_its_return(network: Network, device: Device, patient: Endpoints) -> None:
    """Data sent during an outage arrives after it, on the same connection."""
    with patient.https.websocket() as wss:
        before = network.counts("to_guest").cut
        with network.cut():
            wss.send("during the cut")
            wait_until(
                device, "sent again", lambda: network.counts("to_guest").cut >= before + 2, 20
            )
        assert wss.receive() == "during the cut"


@pytest.mark.failures("ws_ping_timeout", "peer_reset")
@pytest.mark.device(
    files={
        "/config.json": json.dumps(
            {"webrepl": {"ping_interval_ms": 500, "ping_timeout_ms": 1000}},
        )
    }
)
def test_a_cut_during_an_upload(network: Network, device: Device, endpoints: Endpoints) -> None:
    """An outage leaves the old file and no part of the new one; the device serves afterwards."""
    lost = endpoints.http.websocket("/webrepl")
    repl = WebRepl(lost, PASSWORD)
    repl.put("/app.bin", b"the old one")
    before = device.eval("sorted(__import__('os').listdir('/'))")
    lost.send(request(PUT, "/app.bin", 50_000))
    assert repl.answer() == 0
    for _ in range(20):
        lost.send(bytes(1024))
    lost.send_frame(Frame(PING, b"all there"))
    lost.receive_pong()
    assert ".webrepl-upload" in device.eval("__import__('os').listdir('/')")
    with network.cut():
        lost.send(bytes(1024))
        wait_until(device, "given up", lambda: not device.stats()["websocket"]["open"], 10)
        device.settle(LOST + 5)
        assert device.eval("sorted(__import__('os').listdir('/'))") == before
    lost.stream.close()
    with contextlib.closing(endpoints.http.websocket("/webrepl")) as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.get("/app.bin") == b"the old one"
        repl.put("/app.bin", content(50_000))
        assert repl.get("/app.bin") == content(50_000)
        repl.line("import os; os.remove('/app.bin')")


def test_an_end_that_is_lost_is_sent_again(
    network: Network, device: Device, patient: Endpoints
) -> None:
    """A lost response is retransmitted, although the device closed more than 1 s ago."""
    with patient.http.raw() as stream:
        stream.send(encode_request("GET", "/hello"))
        assert HttpConnection(stream).receive().text == "hello\n"
        with network.cut(direction="to_client"):
            started = time.monotonic()
            stream.send(encode_request("GET", "/big?n=3000", headers={"Connection": "close"}))
            # The device discards input for a second after its FIN, and must retransmit beyond that.
            wait_until(device, "closed", lambda: time.monotonic() - started > LINGER, 5)
            lost = network.counts("to_client").cut
            assert lost > 2
            wait_until(device, "sent again", lambda: network.counts("to_client").cut > lost, 5)
        assert len(HttpConnection(stream).receive().body) == 3000


# -------------------------------------------------------------------- clients that vanish


@pytest.mark.failures("peer_reset")
def test_half_open_connections_end(network: Network, device: Device, endpoints: Endpoints) -> None:
    """The slots of idle clients that vanish without a FIN are freed within the keep-alive time."""
    streams: list[ByteStream] = [endpoints.http.raw(), endpoints.https.tls_stream()]
    idle = HttpConnection(endpoints.http.stream())
    assert idle.get("/hello").status == 200
    sockets = [
        endpoints.http.websocket(),
        endpoints.https.websocket(),
        endpoints.http.websocket("/webrepl"),
    ]
    streams += [idle.stream, *(socket.stream for socket in sockets)]
    wait_until(device, "accepted", lambda: device.stats()["http"]["open"] == 4, 5)

    def places() -> int:
        stats = device.stats()
        return int(stats["http"]["open"] + stats["https"]["open"])

    with contextlib.ExitStack() as gone:
        for stream in streams:
            gone.enter_context(network.vanish(stream.port))
            stream.close()
        assert places() == 6
        took = wait_until(device, "given back", lambda: not places(), KEEP_ALIVE + 3)
        assert took > 10  # by keep-alive, not by a FIN or RST
        assert endpoints.https.get("/hello").text == "hello\n"
    assert network.counts("to_client").vanished > 0


@pytest.mark.parametrize(("scheme", "most"), [("http", 10), ("https", 4)])
def test_half_open_connections_make_place(
    scheme: str, most: int, network: Network, device: Device, endpoints: Endpoints
) -> None:
    """When clients that vanished hold every slot, a new one is still served at once."""
    lost = [HttpConnection(endpoints[scheme].stream()) for _ in range(most)]
    for one in lost:
        assert one.get("/hello").status == 200
    with contextlib.ExitStack() as gone:
        for one in lost:
            gone.enter_context(network.vanish(one.stream.port))
        started = time.monotonic()
        assert endpoints[scheme].get("/hello").text == "hello\n"
        assert time.monotonic() - started < Deadline(2).seconds
        assert device.stats()[scheme]["purged"] == 1
    for one in lost:
        one.close()


@pytest.mark.device(
    files={"/config.json": json.dumps({"httpserver": {"handshake_timeout_ms": 1000}})}
)
@pytest.mark.failures("handshake_timeout", "recv_timeout", "send_timeout")
def test_clients_that_vanish_in_the_middle(
    network: Network, device: Device, endpoints: Endpoints
) -> None:
    """A client that vanishes in a handshake, request or response is dropped after its time-out."""
    asking = endpoints.http.raw()
    wait_until(device, "accepted", lambda: device.stats()["http"]["open"] == 1, 5)
    before = network.counts("to_guest").passed
    asking.send(encode_request("POST", "/upload", headers={"Content-Length": "5000"}) + bytes(999))
    wait_until(device, "there", lambda: network.counts("to_guest").passed > before, 5)
    handshake, listening = endpoints.https.raw(), endpoints.http.raw()
    TlsSteps(endpoints.tls).go(handshake, Step.SERVER_DONE_READ)
    streams = [handshake, asking, listening]
    wait_until(device, "accepted", lambda: device.stats()["http"]["open"] == 2, 5)
    with contextlib.ExitStack() as gone:
        gone.enter_context(network.vanish(handshake.port))
        gone.enter_context(network.vanish(asking.port))
        # The request gets through, but no acknowledgement of the response does.
        seen = device.stats()["requests"]
        with network.cut(direction="to_client"):
            listening.send(encode_request("GET", "/big?n=30000"))
            wait_until(device, "asked", lambda: device.stats()["requests"] > seen, 5)
            gone.enter_context(network.vanish(listening.port))
        for stream in streams:
            stream.close()
        wait_until(
            device,
            "given back",
            lambda: not device.stats()["http"]["open"] + device.stats()["https"]["open"],
            2 * (5 + LOST),
        )
        failures: dict[str, Any] = device.stats()["failures"]
        causes = ("handshake_timeout", "recv_timeout", "send_timeout")
        assert [failures.get(cause) for cause in causes] == [1, 1, 1]
        assert endpoints.https.get("/hello").text == "hello\n"
