# SPDX-License-Identifier: MIT
"""Connection slots held by clients that have gone, or that wait for a program that does not answer.

Whatever holds the slots, the WebREPL's owner gets in: only the owner can interrupt such a program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from espbench.clients import (
    ByteStream,
    ClientError,
    ConnectionEnded,
    Endpoints,
    Frame,
    HttpConnection,
    Stream,
    TlsStream,
    WebRepl,
    encode_request,
)
from espbench.clients.tls import Step, TlsSteps
from espbench.clients.websocket import PING, upgrade_headers
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

PLACES = {"http": 10, "https": 4}
MORE = 2
"""How many clients to open beyond the number of slots."""
PASSWORD = "espbench"
SOON = 10.0
"""Seconds (scaled) to wait for a response here: the response time-out is a minute."""
BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
START = (
    "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
    "key_file='/certs/prvtkey.pem'{})"
)

BUSY = """
import httpserver, time
released, answers = False, 0

def hold(request):
    global answers
    while not released:
        time.sleep_ms(1)
    answers += 1
    return "answer " + request.query

httpserver.on("/hold", hold)
httpserver.on("/hold", hold, "POST")
"""
"""A handler that blocks until it is released."""


def wait_until(device: Device, seen: Callable[[], bool], what: str) -> None:
    """Wait until `seen` returns true."""
    deadline = Deadline(SOON)
    while not seen():
        assert not deadline.expired(), what
        device.wait_for_change(0.02)


def handled(device: Device, scheme: str) -> int:
    """Return the number of requests, sessions, refusals and failures for lack of memory."""
    stats = device.stats()
    return int(
        stats["requests"]
        + stats["websocket"]["accepted"]
        + stats[scheme]["refused"]
        + sum(stats["responses"].values())
        + stats["failures"].get("no_memory", 0)
    )


@contextmanager
def settled(device: Device, scheme: str) -> Iterator[None]:
    """After the block, wait until the device has handled the data sent in it."""
    before = handled(device, scheme)
    yield
    wait_until(device, lambda: handled(device, scheme) > before, "a request was not handled")


@pytest.fixture
def busy(shared_device: Device, endpoints: Endpoints) -> Iterator[None]:
    """Keep a handler busy; at the end, release it and let the program run."""
    shared_device.exec(BUSY)
    with endpoints.http.http() as first:
        before = shared_device.stats()["requests"]
        first.send("GET", "/hold?first")
        wait_until(
            shared_device, lambda: shared_device.stats()["requests"] > before, "no handler runs"
        )
        yield
        shared_device.exec("released = True")
        with suppress(ClientError):  # its slot may have been needed
            first.receive()
    wait_until(
        shared_device,
        lambda: shared_device.stats()["queue"]["depth"] == 0,
        "the queue is not empty",
    )
    shared_device.exec("httpserver.off('/hold')")


def upgrade(path: str = "/ws") -> bytes:
    """Return a WebSocket opening handshake."""
    return encode_request("GET", path, headers=upgrade_headers())


SENT = {
    "requests": encode_request("GET", "/hold?"),
    "bodies": encode_request("POST", "/hold", body=b"b" * 16384),
    "unread": encode_request("GET", "/hold?") + b"GET /hold?" + b"u" * 400,
    "handshakes": upgrade(),
}
"""The data that a client sends before it closes, by kind."""


def gets_in(device: Device, endpoints: Endpoints) -> None:
    """Assert that the owner gets a prompt and the greeting over ws and wss."""
    for scheme in ("ws", "wss"):
        websocket = endpoints[scheme].patient(SOON).websocket("/webrepl")
        assert websocket.receive() == "Password: "
        websocket.send(PASSWORD + "\r")
        assert websocket.receive() == "\r\nWebREPL connected\r\n>>> "
        websocket.close()
        assert device.eval("released") is False


@pytest.mark.failures("refused", "peer_reset", "queue_full", "no_memory")
@BOTH
@pytest.mark.parametrize("sent", list(SENT))
def test_clients_that_have_gone(
    sent: str, scheme: str, busy: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """Clients that send something and close keep nobody out while a handler is busy."""
    for _ in range(PLACES[scheme] + MORE):
        with settled(shared_device, scheme):
            stream = endpoints[scheme].stream()
            stream.send(SENT[sent])
            stream.close()
    gets_in(shared_device, endpoints)
    assert endpoints[scheme].patient(SOON).get("/nowhere").status == 404


@pytest.mark.failures("refused", "peer_reset", "queue_full")
@BOTH
def test_clients_that_wait(
    scheme: str, busy: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """Requests that wait for a response keep their slots; the WebREPL has a slot of its own."""
    with ExitStack() as stack:
        waiting: list[HttpConnection] = []
        for number in range(PLACES[scheme] - (scheme == "http")):
            waiting.append(stack.enter_context(endpoints[scheme].http()))
            with settled(shared_device, scheme):
                waiting[-1].send("GET", f"/hold?{number}")
        for _ in range(MORE):
            with pytest.raises(ConnectionEnded):
                endpoints[scheme].patient(SOON).get("/hello")
            with pytest.raises(ConnectionEnded):
                endpoints[scheme].patient(SOON).websocket("/ws")
        gets_in(shared_device, endpoints)
        shared_device.exec("released = True")
        for number, connection in enumerate(waiting):
            assert connection.receive().text == f"answer {number}"


@pytest.mark.failures("refused", "peer_reset", "queue_full", "no_memory")
def test_everything_is_taken(busy: None, shared_device: Device, endpoints: Endpoints) -> None:
    """With all slots of both servers and all memory for bodies taken, wss still gets in.

    A request gets a 503 when there is no memory for its body; its connection ends when there is no
    block large enough for its TLS record.
    """

    def waiting() -> int:
        return int(shared_device.stats()["queue"]["depth"])

    with ExitStack() as stack:
        bodies = 0
        for scheme, places in PLACES.items():
            for _ in range(places - (scheme == "http")):
                connection = stack.enter_context(endpoints[scheme].http())
                before = waiting()
                with settled(shared_device, scheme):
                    connection.send("POST", "/hold", b"b" * 11_000)
                if waiting() > before:
                    bodies += 1
                    continue
                connection = stack.enter_context(endpoints[scheme].http())
                with settled(shared_device, scheme):
                    connection.send("GET", "/hold?")
        assert bodies, "no request with a body is waiting"
        gets_in(shared_device, endpoints)
        shared_device.exec("released = True")


@pytest.mark.failures("refused", "peer_reset", "queue_full")
@BOTH
def test_endpoints_that_wait(
    scheme: str, busy: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """Sessions of wsserver whose messages nobody handles do not take the WebREPL's slot."""
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(endpoints[scheme].websocket())
            for _ in range(PLACES[scheme] - (scheme == "http"))
        ]
        before = shared_device.stats()["queue"]["full"]
        for session in sessions:
            session.send_bytes(b"".join(b"\x82\x80\0\0\0\0" for _ in range(20)))
        wait_until(
            shared_device,
            lambda: shared_device.stats()["queue"]["full"] >= before + len(sessions),
            "the queue did not fill",
        )
        with pytest.raises(ConnectionEnded):
            endpoints[scheme].patient(SOON).websocket("/ws")
        gets_in(shared_device, endpoints)
        shared_device.exec("released = True")


@pytest.mark.failures("refused", "peer_reset", "queue_full", "no_memory")
def test_a_program_that_was_stopped(device: Device, endpoints: Endpoints) -> None:
    """After Ctrl-C at the WebREPL nothing answers; the owner can log in and restart the program."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        WebRepl(socket, PASSWORD).type("\x03", "KeyboardInterrupt: \r\n")
    for scheme, places in PLACES.items():
        for _ in range(places + MORE):
            with settled(device, scheme):
                stream = endpoints[scheme].stream()
                stream.send(encode_request("POST", "/upload", body=b"b" * 8000))
                stream.close()
    for scheme in ("ws", "wss"):
        with endpoints[scheme].patient(SOON).websockets_client("/webrepl") as socket:
            assert WebRepl(socket, PASSWORD).line("6 * 7") == "42\n"
    with endpoints.https.patient(SOON).websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.socket.send("__import__('bench_app').main()\r")
        wait_until(device, lambda: device.stats()["queue"]["depth"] == 0, "the queue was not empty")
        assert endpoints.http.get("/hello").text == "hello\n"


def half_closed(endpoints: Endpoints, scheme: str, target: str) -> ByteStream:
    """Return a connection whose client has sent a request and a FIN, and still reads."""
    endpoint = endpoints[scheme]
    raw: Stream = endpoint.raw()
    stream: ByteStream = raw if endpoint.tls is None else TlsStream(raw, endpoint.tls)
    stream.send(encode_request("GET", target))
    raw.finish()
    return stream


@BOTH
def test_half_closed_clients_are_answered(
    scheme: str, busy: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """While there are free slots, clients that have sent a FIN still get their responses."""
    streams: list[ByteStream] = []
    for number in range(PLACES[scheme] - 1):
        with settled(shared_device, scheme):
            streams.append(half_closed(endpoints, scheme, f"/hold?{number}"))
    shared_device.exec("released = True")
    for number, stream in enumerate(streams):
        answer = HttpConnection(stream).receive()
        assert (answer.status, answer.text) == (200, f"answer {number}")
        stream.close()


@pytest.mark.parametrize("full", ["purge", "refuse"])
@BOTH
def test_half_closed_clients_go_first(
    scheme: str, full: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """When a slot is needed, a client that has sent a FIN gets a 503; its handler never runs."""
    shared_device.exec(BUSY)
    assert shared_device.eval(START.format(f", full={full!r}"))
    with ExitStack() as stack:
        waiting = []
        for number in range(PLACES[scheme] - 1):
            waiting.append(stack.enter_context(endpoints[scheme].http()))
            with settled(shared_device, scheme):
                waiting[-1].send("GET", f"/hold?{number}")
            if number == 0:
                with settled(shared_device, scheme):
                    gone = half_closed(endpoints, scheme, "/hold?gone")
        purged = shared_device.stats()[scheme]["purged"]
        newcomer = stack.enter_context(endpoints[scheme].http())
        assert newcomer.get("/nowhere").status == 404
        answer = HttpConnection(gone).receive()
        assert (answer.status, answer.header("retry-after")) == (503, "1")
        gone.close()
        assert shared_device.stats()[scheme]["purged"] == purged + 1
        shared_device.exec("released = True")
        for number, connection in enumerate(waiting):
            assert connection.receive().text == f"answer {number}"
    assert shared_device.eval("answers") == len(waiting)
    assert shared_device.eval(START.format(""))
    shared_device.exec("httpserver.off('/hold')")


@pytest.mark.failures("peer_reset")
@BOTH
def test_a_request_goes_with_its_connection(
    scheme: str, busy: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """A request leaves the queue when its client resets the connection, and its body is freed."""
    free = shared_device.heap().free
    stream = endpoints[scheme].stream()
    with settled(shared_device, scheme):
        stream.send(encode_request("POST", "/hold", body=b"b" * 16384))
    assert shared_device.stats()["queue"]["depth"] == 1
    stream.reset()
    wait_until(
        shared_device,
        lambda: (
            shared_device.stats()["queue"]["depth"] == 0 and shared_device.heap().free > free - 1024
        ),
        "the request is still queued, or its body was not freed",
    )
    shared_device.exec("released = True")
    assert endpoints[scheme].get("/hello").text == "hello\n"
    assert shared_device.eval("answers") == 1  # of the request that was running


@pytest.mark.failures("response_timeout")
@BOTH
def test_an_answer_is_due(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """After response_timeout_ms a request gets a 503, whether its handler is running or queued."""
    shared_device.exec(BUSY)
    assert shared_device.eval(START.format(", response_timeout_ms=500"))
    with endpoints[scheme].http() as running, endpoints[scheme].http() as queued:
        for number, connection in enumerate((running, queued)):
            with settled(shared_device, scheme):
                connection.send("GET", f"/hold?{number}")
        for connection in (running, queued):
            answer = connection.receive()
            assert (answer.status, answer.header("retry-after")) == (503, "1")
            assert not answer.keeps_alive
            assert connection.ended() is False
    assert shared_device.stats()["queue"]["depth"] == 0
    assert shared_device.eval("answers") == 0
    shared_device.exec("released = True")
    assert endpoints[scheme].get("/hold?after").text == "answer after"
    assert shared_device.eval("answers") == 2  # of the request that was running, and this one
    assert shared_device.eval(START.format(""))
    shared_device.exec("httpserver.off('/hold')")


STALLS = """
import httpserver, io, struct, time, uctypes
released, asked = False, 0

class Stalls(io.IOBase):
    def ioctl(self, request, argument):
        if request == 2:  # seek: offset and whence in C, the offset is the answer
            seek = uctypes.bytearray_at(argument, 8)
            seek[:4] = struct.pack("<i", 5_000 if seek[4] == 2 else 0)
        return 0
    def readinto(self, buffer):
        global asked
        asked += 1
        while not released:
            time.sleep_ms(1)
        return len(buffer)

httpserver.on("/stalls", lambda request: httpserver.send(Stalls()))
"""
"""A body whose source blocks until it is released."""


@pytest.mark.failures("response_timeout")
@BOTH
def test_a_body_is_due(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A body whose program stops supplying data is cut off, and its slot is freed."""
    shared_device.exec(STALLS)
    assert shared_device.eval(START.format(", response_timeout_ms=500"))
    with endpoints[scheme].http() as connection:
        connection.send("GET", "/stalls")
        assert b"Content-Length: 5000" in connection.stream.receive()
        connection.ended()
    wait_until(
        shared_device, lambda: shared_device.stats()[scheme]["open"] == 0, "the slot was not freed"
    )
    shared_device.exec("released = True")
    assert shared_device.eval(START.format(""))
    assert endpoints[scheme].get("/hello").text == "hello\n"
    shared_device.exec("httpserver.off('/stalls')")


@pytest.mark.failures("queue_full")
def test_sessions_that_come_and_go(busy: None, shared_device: Device, endpoints: Endpoints) -> None:
    """Sessions that nobody handles take a bounded amount of memory, however many come and go."""
    statuses = []
    for _ in range(40):
        with endpoints.http.http() as http:
            http.stream.send(upgrade())
            statuses.append(http.receive_upgrade().status)
    assert set(statuses) == {101, 503}
    assert statuses.count(101) <= 16
    assert statuses[-20:] == [503] * 20
    gets_in(shared_device, endpoints)


@pytest.fixture
def all_taken(busy: None, shared_device: Device, endpoints: Endpoints) -> Iterator[None]:
    """Take all slots of both servers with requests that get no response."""
    with ExitStack() as stack:
        for scheme, places in PLACES.items():
            for number in range(places - (scheme == "http")):
                waiting = stack.enter_context(endpoints[scheme].http())
                with settled(shared_device, scheme):
                    waiting.send("GET", f"/hold?{number}")
        yield
        shared_device.exec("released = True")


PENDING = 4
"""How many clients of each server may wait, beyond its slots, until their request is complete."""


def refused(device: Device) -> int:
    """Return how many connections were refused."""
    return int(device.stats()["failures"].get("refused", 0))


def wait_for_accepted(device: Device, scheme: str, count: int) -> None:
    """Wait until a server has accepted this many connections in total."""
    wait_until(device, lambda: device.stats()[scheme]["accepted"] == count, "not accepted")


def asks_for_nothing(endpoints: Endpoints, scheme: str, sent: str) -> Stream:
    """Return a connection whose client stops before its request or ClientHello is complete."""
    endpoint = endpoints[scheme]
    stream = endpoint.raw()
    whole = upgrade("/webrepl") if endpoint.tls is None else TlsSteps(endpoint.tls).hello
    stream.send(whole[: {"nothing": 0, "a byte": 1, "half": len(whole) // 2}[sent]])
    return stream


@pytest.mark.failures("refused", "peer_reset", "handshake_closed")
@BOTH
@pytest.mark.parametrize("sent", ["nothing", "a byte", "half"])
def test_who_asks_for_nothing_makes_way(
    sent: str, scheme: str, all_taken: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """Clients that connect and stall keep nobody out: the oldest are dropped, the owner gets in."""
    with ExitStack() as stack:
        before = shared_device.stats()[scheme]["accepted"], refused(shared_device)
        silent = []
        for number in range(1, PENDING + 3):
            silent.append(asks_for_nothing(endpoints, scheme, sent))
            stack.callback(silent[-1].close)
            wait_for_accepted(shared_device, scheme, before[0] + number)
        gets_in(shared_device, endpoints)
        for stream in silent[:3]:
            stream.wait_until_gone()
        assert refused(shared_device) == before[1] + 3


@pytest.mark.failures("refused", "peer_reset")
def test_who_cannot_become_a_guest_makes_way(
    all_taken: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """An unfinished WebREPL request that is not an upgrade is treated like no request."""
    head = encode_request("POST", "/webrepl", headers=upgrade_headers(), body=b"b" * 9)[:-9]
    with ExitStack() as stack:
        before = shared_device.stats()["http"]["accepted"], refused(shared_device)
        for number in range(1, PENDING + 3):
            stream = endpoints.http.raw()
            stack.callback(stream.close)
            stream.send(head)
            wait_for_accepted(shared_device, "http", before[0] + number)
        gets_in(shared_device, endpoints)
        assert refused(shared_device) == before[1] + 3


@pytest.mark.failures("refused", "handshake_closed", "peer_reset")
@pytest.mark.parametrize(
    "step", [Step.HELLO_SENT, Step.SERVER_DONE_READ, Step.HALF_A_FINISHED, Step.ESTABLISHED]
)
def test_handshakes_take_turns(
    step: Step, all_taken: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """Clients that stall during or after a handshake do not block the owner for good."""
    assert endpoints.https.tls is not None
    with ExitStack() as stack:
        for _ in range(PENDING):
            stream = endpoints.https.patient(SOON).raw()
            stack.callback(stream.close)
            TlsSteps(endpoints.https.tls).go(stream, step)
        gets_in(shared_device, endpoints)


@pytest.mark.failures("refused", "peer_reset", "handshake_closed", "ws_close_timeout")
@BOTH
def test_who_is_at_the_prompt_makes_way(
    scheme: str, all_taken: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """Clients that request the WebREPL and send no password keep nobody out."""
    with ExitStack() as stack:
        for _ in range(PENDING + MORE):
            guest = endpoints[scheme].patient(SOON).websocket("/webrepl")
            stack.callback(guest.stream.close)
            assert guest.receive() == "Password: "
        gets_in(shared_device, endpoints)


def send_wrong_passwords(endpoints: Endpoints) -> None:
    """Send wrong passwords, so that the next answer is delayed by 2 s."""
    for _ in range(4):
        stranger = endpoints.http.patient(SOON).websocket("/webrepl")
        stranger.receive()
        stranger.send("wrong\r")
        stranger.send_frame(Frame(PING, b"judged"))
        stranger.receive_pong()
        stranger.close()


@pytest.mark.failures("refused", "peer_reset", "handshake_closed", "ws_close_timeout")
@BOTH
def test_who_has_sent_a_password_stays(
    scheme: str, all_taken: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """No later client takes the slot of an owner whose password is being checked."""
    send_wrong_passwords(endpoints)
    owner = endpoints[scheme].patient(SOON).websocket("/webrepl")
    assert owner.receive() == "Password: "
    owner.send(PASSWORD + "\r")
    with ExitStack() as stack:
        for _ in range(PENDING + MORE):
            stack.callback(endpoints[scheme].raw().close)
            guest = endpoints.http.patient(SOON).websocket("/webrepl")
            stack.callback(guest.stream.close)
            assert guest.receive() == "Password: "
        assert owner.receive(SOON) == "\r\nWebREPL connected\r\n>>> "
        owner.close()


@pytest.mark.failures("refused", "peer_reset", "handshake_closed", "ws_close_timeout")
@BOTH
def test_an_owner_who_waits_is_not_idle(
    scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """A client whose password is being checked is not purged, however many others connect."""
    send_wrong_passwords(endpoints)
    owner = endpoints[scheme].websocket("/webrepl")
    assert owner.receive() == "Password: "
    owner.send(PASSWORD + "\r")
    with ExitStack() as stack:
        for _ in range(2 * PLACES[scheme]):
            stack.callback(endpoints[scheme].raw().close)
        for _ in range(PLACES["http"] if scheme == "http" else 0):
            stack.callback(endpoints[scheme].http().close)
        assert owner.receive(SOON) == "\r\nWebREPL connected\r\n>>> "
        owner.close()


@BOTH
def test_the_session_keeps_its_place(
    scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """A logged-in WebREPL session is never purged, and all other slots stay available."""
    with endpoints[scheme].websockets_client("/webrepl") as socket, ExitStack() as stack:
        repl = WebRepl(socket, PASSWORD)
        purged = shared_device.stats()[scheme]["purged"]
        connections = []
        for _ in range(PLACES[scheme]):
            connections.append(stack.enter_context(endpoints[scheme].http()))
            assert connections[-1].get("/hello").status == 200
        assert shared_device.stats()[scheme]["purged"] == purged
        for _ in range(MORE):
            assert stack.enter_context(endpoints[scheme].http()).get("/hello").status == 200
        assert shared_device.stats()[scheme]["purged"] == purged + MORE
        assert repl.line("6 * 7") == "42\n"
        for connection in connections[MORE:]:
            assert connection.get("/hello").status == 200
