# SPDX-License-Identifier: MIT
"""Every slot is taken by a request that awaits its response: nothing may spin, starve or be lost.

In this state ESP-IDF's own server has nothing to purge, and its task, whose priority is above
MicroPython's, spins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import pairwise

import pytest
from espbench.clients import ConnectionEnded, Endpoints, HttpConnection, run_concurrently
from espbench.clients.websocket import PING, Frame
from espbench.device.console.control import encode_source
from espbench.device.device import Device
from espbench.errors import ControlError
from espbench.util.timeouts import Deadline

PLACES = {"http": 10, "https": 4}
PROMPT = 2.0
"""Seconds (scaled) to wait for each response: a device that spins never answers."""

HOLD = """
import time, httpserver
released, turns, answers = False, 0, 0

def hold(request):
    global turns, answers
    while not released:
        turns += 1
        time.sleep_ms(1)
    answers += 1
    return "answer " + request.query

httpserver.on("/hold", hold)
"""
"""A handler that answers when it is released: MicroPython is in it, and other requests wait."""


@pytest.fixture(params=["purge", "refuse"])
def full(request: pytest.FixtureRequest, shared_device: Device) -> Iterator[str]:
    """Start the servers with each policy for one connection more; return the policy."""
    start = (
        "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
        "key_file='/certs/prvtkey.pem', full={!r})"
    )
    assert shared_device.eval(start.format(request.param))
    yield request.param
    assert shared_device.eval(start.format("purge"))


@pytest.fixture
def held(shared_device: Device, full: str) -> Iterator[None]:
    """Register the handler that holds its response back."""
    shared_device.exec(HOLD)
    yield
    shared_device.exec("released = True\nhttpserver.off('/hold')")


@pytest.fixture
def fill(
    shared_device: Device, endpoints: Endpoints, held: None
) -> Iterator[Callable[[str], list[HttpConnection]]]:
    """Return a function that takes all slots of a server with requests that get no response."""
    with ExitStack() as stack:

        def fill(scheme: str) -> list[HttpConnection]:
            before = waiting(shared_device)
            pending = [stack.enter_context(endpoints[scheme].http()) for _ in range(PLACES[scheme])]
            for number, connection in enumerate(pending):
                connection.send("GET", f"/hold?{scheme}-{number}")
            deadline = Deadline(10)
            while (now := waiting(shared_device)) < before + PLACES[scheme]:
                assert not deadline.expired(), f"only {now - before} {scheme} requests arrived"
                shared_device.wait_for_change(0.01)
            return pending

        yield fill


def waiting(device: Device) -> int:
    """Return how many requests have entered the queue since the start."""
    return int(device.stats()["requests"])


def micropython_runs(device: Device) -> None:
    """Assert that the control channel and Python answer, and that the program makes progress."""
    device.ping(PROMPT)
    device.stats(PROMPT)
    before = device.eval("turns", PROMPT)
    deadline = Deadline(PROMPT)
    while device.eval("turns", PROMPT) < before + 10:
        assert not deadline.expired(), "MicroPython is starved"


def turned_away(scheme: str, device: Device, endpoints: Endpoints) -> None:
    """Assert that one connection more is refused at once."""
    before = device.stats()[scheme]
    with pytest.raises(ConnectionEnded):
        endpoints[scheme].patient(PROMPT).get("/hello")
    after = device.stats()[scheme]
    assert (after["refused"], after["purged"]) == (before["refused"] + 1, before["purged"])


def answer_all(device: Device, pending: list[HttpConnection], scheme: str) -> None:
    """Assert that each client gets the response to its own request, and is served again."""
    for number, connection in enumerate(pending):
        assert connection.receive().text == f"answer {scheme}-{number}"
    for connection in pending:
        assert connection.get("/hello").text == "hello\n"


@pytest.mark.failures("refused")
@pytest.mark.parametrize(("taken", "other"), [("https", "http"), ("http", "https")])
def test_all_places_of_one_server_wait(
    taken: str,
    other: str,
    fill: Callable[[str], list[HttpConnection]],
    shared_device: Device,
    endpoints: Endpoints,
) -> None:
    """With requests pending in all slots of a server, one more is refused and all else goes on.

    Only idle connections are purged: a connection that awaits a response keeps its slot. Meanwhile
    the other server answers requests that need no Python, and queues those for handlers.
    """
    with endpoints[other].websocket() as websocket:
        pending = fill(taken)
        for turn in range(3):
            turned_away(taken, shared_device, endpoints)
            micropython_runs(shared_device)
            assert endpoints[other].patient(PROMPT).get("/nowhere").status == 404
            websocket.send_frame(Frame(PING, b"%d" % turn))
            assert websocket.receive_pong(PROMPT) == b"%d" % turn
        with endpoints[other].http() as queued:
            queued.send("GET", "/hello")
            micropython_runs(shared_device)
            assert shared_device.eval("answers") == 0
            shared_device.exec("released = True")
            answer_all(shared_device, pending, taken)
            assert queued.receive().text == "hello\n"
    assert shared_device.eval("answers") == len(pending)


@pytest.mark.failures("refused")
def test_all_places_of_both_servers_wait(
    fill: Callable[[str], list[HttpConnection]], shared_device: Device, endpoints: Endpoints
) -> None:
    """With all fourteen slots pending, both servers refuse one more and MicroPython runs on."""
    pending = {scheme: fill(scheme) for scheme in PLACES}
    for _ in range(3):
        for scheme in PLACES:
            turned_away(scheme, shared_device, endpoints)
            micropython_runs(shared_device)
    shared_device.exec("released = True")
    for scheme, connections in pending.items():
        answer_all(shared_device, connections, scheme)
    assert shared_device.eval("answers") == sum(PLACES.values())


SPIN = """
import httpserver
released, turns = False, 0

def spin(request):
    global turns
    while not released:
        turns += 1
    return "released"

httpserver.on("/spin", spin)
"""
"""A handler that computes until it is released."""


def test_a_host_that_asks_without_a_pause(shared_device: Device, endpoints: Endpoints) -> None:
    """The program gets to run between any two of Python's responses, however fast requests arrive.

    MicroPython's scheduler runs callbacks scheduled by C until none are left. If a host sent its
    next request while a response was still in transit, the device would keep answering, and the
    program would never run.
    """
    shared_device.exec(SPIN)
    asked = encode_source("turns")

    def ask() -> list[int]:
        seen: list[int] = []
        patience = Deadline(20)
        while len(seen) < 50:
            assert not patience.expired(), f"only {len(seen)} responses arrived"
            with suppress(ControlError):  # another thread's request is still pending
                seen.append(shared_device.control.request("eval", asked, timeout=patience))
        return seen

    with endpoints.http.http() as connection:
        connection.send("GET", "/spin")
        deadline = Deadline(PROMPT)
        while shared_device.eval("turns") == 0:
            assert not deadline.expired(), "the handler was not called"
        seen = sorted(turn for outcome in run_concurrently([ask] * 4) for turn in outcome.get())
        shared_device.exec("released = True")
        assert connection.receive().text == "released"
    shared_device.exec("httpserver.off('/spin')")
    assert not [before for before, after in pairwise(seen) if before == after]


ENDLESS = """
import httpserver, io, struct, time, uctypes
turns = 0

class Endless(io.IOBase):
    def ioctl(self, request, argument):
        if request == 2:  # seek: offset and whence in C, the offset is the answer
            seek = uctypes.bytearray_at(argument, 8)
            seek[:4] = struct.pack("<i", 100_000_000 if seek[4] == 2 else 0)
        return 0
    def readinto(self, buffer):
        global turns
        turns += 1
        return len(buffer)

def count(request):
    global turns
    turns += 10
    return "counted"

httpserver.on("/endless", lambda request: httpserver.send(Endless()))
httpserver.on("/count", count)
"""
"""Bodies of 100 MB from a stream in Python."""


@pytest.mark.failures("refused", "peer_reset")
def test_all_places_send_a_body(full: str, shared_device: Device, endpoints: Endpoints) -> None:
    """With all TLS slots in the middle of a body that nobody reads, Python's handlers go on.

    A body in transit holds its slot just as a pending request does; when its client leaves, the
    next client gets the slot.
    """
    shared_device.exec(ENDLESS)
    bodies = [endpoints.https.http() for _ in range(PLACES["https"])]
    for body in bodies:
        body.send("GET", "/endless")
        assert b"Content-Length: 100000000" in body.stream.receive()
    for _ in range(3):
        turned_away("https", shared_device, endpoints)
        before = shared_device.eval("turns", PROMPT)
        assert endpoints.http.patient(PROMPT).get("/count").text == "counted"
        assert shared_device.eval("turns", PROMPT) >= before + 10
    bodies.pop().stream.reset()
    deadline = Deadline(PROMPT)
    while shared_device.stats()["https"]["open"] == PLACES["https"]:
        assert not deadline.expired(), "the slot of a client that left was not freed"
    assert endpoints.https.get("/count").text == "counted"
    for body in bodies:
        body.stream.reset()
    shared_device.settle()
    assert endpoints.http.get("/hello").status == 200  # process_queue() closes abandoned streams
    shared_device.exec("for path in ('/endless', '/count'): httpserver.off(path)")
