# SPDX-License-Identifier: MIT
"""Each planted fault is really there, and the firmware without faults has none of them.

A probe for each fault asks a device one question and returns whether the answer was right.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import planted
import pytest
from espbench.boards.builtin import LX60
from espbench.boards.readiness import ConsoleReadiness
from espbench.clients import ClientError, Endpoint, Endpoints, Frame, RawWebSocket, Tls
from espbench.clients.http import chunked
from espbench.clients.tls import Step, TlsSteps
from espbench.clients.websocket import close_payload, upgrade_headers
from espbench.device.device import Device
from espbench.errors import NotReady, Panicked, RebootLoop
from espbench.util.timeouts import Deadline
from planted_faults import FAULTS

SOON = 3.0
"""Seconds in which every server answers."""
LATER = 8.0
"""Seconds after which a server has lost patience with a client."""
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


@dataclass
class Target:
    """A running device and its clients."""

    device: Device
    endpoints: Endpoints

    @property
    def http(self) -> Endpoint:
        """The endpoint without TLS."""
        return self.endpoints.http

    @property
    def https(self) -> Endpoint:
        """The endpoint with TLS."""
        return self.endpoints.https

    @property
    def boots(self) -> int:
        """How often it has booted."""
        return self.device.console.text.count(planted.BANNER)

    def answers(self) -> bool:
        """Return whether both servers answer soon."""
        both = self.http.patient(SOON), self.https.patient(SOON)
        try:
            return all(each.get("/hello").text == "hello\n" for each in both)
        except ClientError:
            return False

    def raw(self, data: bytes) -> bytes:
        """Return everything that the server sends after these bytes."""
        with self.http.raw() as stream:
            stream.send(data)
            return stream.receive_until_end(SOON)

    def status(self, *lines: str, body: bytes = b"") -> int:
        """Return the status of the response to these lines of a head."""
        head = "\r\n".join([*lines, "Connection: close", "", ""])
        answer = self.raw(head.encode() + body)
        found = re.match(rb"HTTP/1\.1 (\d+) ", answer)
        return int(found[1]) if found else 0

    def frames(self, *frames: Frame) -> int:
        """Return the status code of the close frame that answers these frames; 0: there is none."""
        socket = self.http.websocket()
        with contextlib.closing(socket.stream):
            socket.send_frame(*frames)
            answer = socket.stream.receive(SOON)
        return int.from_bytes(answer[2:4], "big") if answer[:1] == b"\x88" else 0

    def leaks(self, exchange: Callable[[], object], times: int = 5) -> bool:
        """Return whether exchanges leave at least 100 bytes in use for longer than `SOON`."""
        memory = self.device.memory
        exchange()
        before = memory.at_rest().free
        for _ in range(times):
            exchange()
        # What a late segment, or the end of a connection, allocated for a moment is not a leak.
        deadline = Deadline(SOON)
        while (left := before - memory.at_rest().free >= 100) and not deadline.expired():
            continue
        return left


def first_boot(target: Target) -> bool:
    """It boots at once."""
    return target.boots == 1


def after_reset(target: Target) -> bool:
    """It serves after a reset."""
    target.device.reset(SOON, hard=True)
    return target.answers()


def others_during(target: Target, endpoint: Endpoint, beginning: bytes) -> bool:
    """Others are served while a client has sent only this."""
    with endpoint.raw() as slow:
        slow.send(beginning)
        time.sleep(0.1)  # the others come later
        return target.answers()


def gives_up(endpoint: Endpoint, beginning: bytes) -> bool:
    """The server ends a connection on which only this came."""
    with endpoint.raw() as slow:
        slow.send(beginning)
        slow.receive_until_end(LATER)
    return True


def handshake(target: Target) -> bool:
    """A client that verifies is served."""
    return target.https.get("/hello").status == 200


def http_after_a_failed_handshake(target: Target) -> bool:
    """HTTP survives a client that ends its handshake with an alert."""
    with contextlib.suppress(ClientError):
        target.https.but(trust=None).tls_stream()
    assert target.device.wait_for_text("the handshake failed", Deadline(SOON))
    return target.answers()


def close_notify(target: Target) -> bool:
    """The server ends a session with close_notify."""
    with target.https.tls_stream() as stream:
        stream.send(b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while stream.receive():
            pass
        return stream.ended_cleanly is True


def large_hello(target: Target) -> bool:
    """A ClientHello of more than 1500 bytes is taken."""
    context = target.endpoints.tls.context()
    context.set_alpn_protocols([f"protocol-{number:090}" for number in range(15)])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="espbench.test")
    with target.https.raw() as stream:
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                stream.send(outgoing.read())
                data = stream.receive()
                if not data:
                    return False
                incoming.write(data)
                continue
            except ssl.SSLError:
                return False
            return True


def split_hello(target: Target) -> bool:
    """A ClientHello may be cut into several records."""
    steps = TlsSteps(target.endpoints.tls)
    body = steps.hello[5:]
    pieces = body[:1], body[1:4], body[4:104], body[104:]
    with target.https.raw() as stream:
        stream.send(b"".join(b"\x16\x03\x01" + len(p).to_bytes(2, "big") + p for p in pieces))
        return stream.receive().startswith(b"\x16")


def tiny_segments(target: Target) -> bool:
    """A ClientHello may come byte by byte."""
    steps = TlsSteps(target.endpoints.tls)
    with target.https.raw() as stream:
        for number in range(len(steps.hello)):
            stream.send(steps.hello[number : number + 1])
            if number < 6:
                time.sleep(0.05)  # or the bytes would share a segment
        return stream.receive().startswith(b"\x16")


def plain_http(target: Target) -> bool:
    """Plain HTTP on the TLS port ends soon."""
    with target.https.raw() as stream:
        stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.receive_until_end(SOON)
    return True


def garbage(target: Target) -> bool:
    """A client that does not speak TLS does no harm."""
    with target.https.raw() as stream, contextlib.suppress(ClientError):
        stream.send(b"\0" * 100)
        stream.receive_until_end(SOON)
    time.sleep(0.1)
    target.device.check()
    return target.answers()


def places(target: Target) -> bool:
    """Once clients have gone, others are served."""
    with contextlib.ExitStack() as stack, contextlib.suppress(ClientError):
        for _ in range(8):
            stack.push(contextlib.closing(target.https.tls_stream()))
    target.device.settle()
    return target.answers()


def smuggling(target: Target) -> bool:
    """Content-Length and Transfer-Encoding together are refused."""
    lines = "POST /echo HTTP/1.1", "Host: x", "Content-Length: 5", "Transfer-Encoding: chunked"
    return target.status(*lines, body=b"0\r\n\r\n") == 400


def pipelining(target: Target) -> bool:
    """Two requests in one segment get two responses."""
    one = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
    last = one.replace(b"x\r\n", b"x\r\nConnection: close\r\n")
    return target.raw(one + last).count(b"hello\n") == 2


def half_close(target: Target) -> bool:
    """A client that has closed its direction gets its response."""
    with target.http.raw() as stream:
        stream.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        stream.finish()
        return b"hello\n" in stream.receive_until_end(SOON)


def chunks(target: Target, body: bytes) -> bool:
    """A chunked body comes back, and so does the response to the next request."""
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    last = b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = target.raw(head + body + last)
    return b"\r\n\r\nabcHTTP/1.1 200 OK" in answer and answer.endswith(b"hello\n")


def expectation(target: Target) -> bool:
    """A client that waits for 100 (Continue) gets it."""
    with target.http.http() as http:
        http.stream.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        if not http.stream.receive(SOON).startswith(b"HTTP/1.1 100 "):
            return False
        http.stream.send(b"abc")
        return http.receive().body == b"abc"


def head_without_body(target: Target) -> bool:
    """HEAD has no body."""
    answer = target.raw(b"HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return answer.endswith(b"\r\n\r\n") and b"Content-Length: 6" in answer


def long_target(target: Target) -> bool:
    """A long target is refused."""
    with contextlib.suppress(ClientError):
        target.http.get("/" + "a" * 1500)
    target.device.check()
    return target.status(f"GET /{'a' * 1500} HTTP/1.1", "Host: x") == 414


def echoes(target: Target, *frames: Frame, expected: str | bytes) -> bool:
    """The frames' message comes back."""
    with target.http.websocket() as socket:
        socket.send_frame(*frames)
        return socket.receive(SOON) == expected


def pong(target: Target) -> bool:
    """A ping is answered."""
    with target.http.websocket() as socket:
        socket.send_frame(Frame(PING, b"abc"))
        return socket.receive_pong(SOON) == b"abc"


def harmless(target: Target, *frames: Frame, code: int) -> bool:
    """The frames end the connection with this code, and nothing else."""
    boots = target.boots
    with contextlib.suppress(ClientError):
        if target.frames(*frames) != code:
            return False
    return target.answers() and target.boots == boots


def empty_message(target: Target) -> bool:
    """An empty message does no harm."""
    with contextlib.suppress(ClientError):
        if not echoes(target, Frame(TEXT), expected=""):
            return False
    return target.answers()


def version(target: Target) -> bool:
    """Only version 13 is taken."""
    headers = {**upgrade_headers(), "Sec-WebSocket-Version": "12"}
    return target.http.request("GET", "/ws", headers=headers).status == 426


def connection_tokens(target: Target) -> bool:
    """Connection may name more than Upgrade, as in Firefox."""
    headers = {**upgrade_headers(), "Connection": "keep-alive, Upgrade"}
    with target.http.websocket(headers=headers) as socket:
        socket.send("abc")
        return socket.receive() == "abc"


def http_memory(target: Target) -> bool:
    """HTTP connections leave nothing."""
    return not target.leaks(lambda: target.http.get("/hello"))


def tls_memory(target: Target) -> bool:
    """TLS connections leave nothing."""
    return not target.leaks(lambda: target.https.get("/hello"))


def aborted_handshakes(target: Target) -> bool:
    """Aborted handshakes leave nothing."""

    def abort() -> None:
        with target.https.raw() as stream:
            TlsSteps(target.endpoints.tls).go(stream, Step.SERVER_DONE_READ)
            stream.reset()

    return not target.leaks(abort, 1)


def failing_allocations(target: Target) -> bool:
    """A connection for which there is no memory does no harm."""

    def exchange() -> None:
        target.http.patient(SOON).get("/hello")

    places = [p for p in target.device.allocation_places(exchange) if "new_connection" in p.path]
    assert places
    return all(outcome.good for outcome in target.device.allocation_sweep(exchange, places=places))


def many_connections(target: Target) -> bool:
    """The 800th connection is served like the first."""
    return all(target.http.get("/hello").status == 200 for _ in range(800))


HELLO = b"\x16\x03\x01\x02\x00\x01\x00"
HALF_A_HEAD = b"GET /hello HTTP/1.1\r\nHo"
HALF_A_BODY = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"
GET = "GET /hello HTTP/1.1"

PROBES: dict[str, Callable[[Target], bool]] = {
    "panics_at_first_boot": first_boot,
    "stays_down_after_reset": after_reset,
    "handshake_blocks": lambda t: others_during(t, t.https, HELLO),
    "no_handshake_timeout": lambda t: gives_up(t.https, HELLO),
    "cannot_do_a_handshake": handshake,
    "http_dies_with_https": http_after_a_failed_handshake,
    "no_close_notify": close_notify,
    "large_hello_fails": large_hello,
    "split_hello_fails": split_hello,
    "tiny_segments_fail": tiny_segments,
    "holds_plain_http": plain_http,
    "garbage_panics": garbage,
    "places_are_lost": places,
    "expired_certificate": handshake,
    "wrong_key": handshake,
    "no_name": handshake,
    "head_blocks": lambda t: others_during(t, t.http, HALF_A_HEAD),
    "body_blocks": lambda t: others_during(t, t.http, HALF_A_BODY),
    "no_head_timeout": lambda t: gives_up(t.http, HALF_A_HEAD),
    "no_body_timeout": lambda t: gives_up(t.http, HALF_A_BODY),
    "smuggling": smuggling,
    "no_host": lambda t: t.status(GET) == 400,
    "obs_fold": lambda t: t.status(GET, "Host: x", "X: a", " Y: b") == 400,
    "blank_before_colon": lambda t: t.status(GET, "Host: x", "X : a") == 400,
    "head_has_body": head_without_body,
    "long_target_panics": long_target,
    "pipelined_request_lost": pipelining,
    "half_close_drops": half_close,
    "chunk_extension": lambda t: chunks(t, b"3;name=value\r\nabc\r\n0\r\n\r\n"),
    "trailers_are_a_request": lambda t: chunks(t, b"3\r\nabc\r\n0\r\nName: value\r\n\r\n"),
    "expect_ignored": expectation,
    "any_method": lambda t: t.status("BREW /hello HTTP/1.1", "Host: x") == 501,
    "absolute_form": lambda t: t.status("GET http://x/hello HTTP/1.1", "Host: x") == 200,
    "unmasked": lambda t: t.frames(Frame(TEXT, b"abc", masked=False)) == 1002,
    "no_close_frame": lambda t: t.frames(Frame(CLOSE, close_payload(1000))) == 1000,
    "close_code": lambda t: t.frames(Frame(CLOSE, close_payload(1001))) == 1001,
    "wrong_accept": lambda t: echoes(t, Frame(TEXT, b"abc"), expected="abc"),
    "invalid_utf8": lambda t: t.frames(Frame(TEXT, b"a\xff")) == 1007,
    "no_pong": pong,
    "fragments": lambda t: echoes(
        t, Frame(TEXT, b"ab", fin=False), Frame(0, b"cd"), expected="abcd"
    ),
    "reserved_bits": lambda t: t.frames(Frame(TEXT, b"abc", rsv=2)) == 1002,
    "bad_opcode_restarts": lambda t: harmless(t, Frame(3, b"abc"), code=1002),
    "oversized_frame_hangs": lambda t: harmless(t, Frame(BINARY, length=1 << 20), code=1009),
    "long_control_frame": lambda t: t.frames(Frame(PING, b"a" * 126)) == 1002,
    "program_ends": empty_message,
    "any_version": version,
    "one_connection_token": connection_tokens,
    "http_leaks": http_memory,
    "tls_leaks": tls_memory,
    "aborted_handshake_leaks": aborted_handshakes,
    "no_memory_panics": failing_allocations,
    "wears_out": many_connections,
}
"""A probe for each fault."""


def target(elf: Path) -> contextlib.AbstractContextManager[Device]:
    """Return a device that runs this firmware."""
    ready = ConsoleReadiness(planted.READY)
    return Device(LX60, elf, ready=ready, forwards={80: 4, 443: 4})


def clients(device: Device) -> Target:
    """Return a device with clients that trust its certificate."""
    return Target(device, Endpoints(device, Tls(trust=planted.root().pem.decode())))


@pytest.fixture(scope="module")
def good() -> Iterator[Target]:
    """Return a device whose firmware has no fault."""
    with target(planted.firmware()) as device:
        yield clients(device)


def test_every_fault_is_described_and_probed() -> None:
    """The C constants, the table and the probes are the same set."""
    names = set(planted.fault_numbers()) - {planted.GOOD}
    assert set(FAULTS) == names == set(PROBES)


@pytest.mark.parametrize("name", FAULTS)
def test_without_the_fault(good: Target, name: str) -> None:
    """The firmware without faults does it right."""
    assert PROBES[name](good)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_there(name: str) -> None:
    """The firmware with the fault does it wrong."""
    try:
        with target(planted.firmware(name)) as device:
            right = PROBES[name](clients(device))
    except (ClientError, NotReady, Panicked, RebootLoop):
        right = False
    assert not right


def test_the_program_that_ends_says_so() -> None:
    """The console shows why nothing answers any more."""
    with target(planted.firmware("program_ends")) as device:
        assert not PROBES["program_ends"](clients(device))
        assert device.wait_for_text(r"Traceback \(most recent call last\):", Deadline(SOON))


def test_it_is_a_stranger() -> None:
    """Nothing of espbench's own control channel is in the firmware, and it can be looked into."""
    with target(planted.firmware()) as device:
        assert not device.inspection.has_bench
        assert {listener.port for listener in device.listeners()} == {80, 443}
        assert device.heap().free > 150_000


def test_several_sessions_at_once(good: Target) -> None:
    """Four TLS clients and a WebSocket on each server are served at once."""
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(good.https.http()) for _ in range(3)]
        sockets: list[RawWebSocket] = [
            stack.enter_context(endpoint.websocket()) for endpoint in (good.http, good.https)
        ]
        for _ in range(2):
            for session in sessions:
                assert session.get("/hello").text == "hello\n"
            for socket in sockets:
                socket.send("äöü" * 1000)
                assert socket.receive() == "äöü" * 1000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_bodies_and_messages(good: Target, scheme: str) -> None:
    """Bodies and messages come back whole; what is too large is refused with the right status."""
    good.device.settle()  # the largest message needs what earlier connections hold
    body = bytes(range(256)) * 64
    assert good.endpoints[scheme].request("POST", "/echo", body).body == body
    with good.endpoints[scheme].http() as http:
        http.stream.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked([body[:1], body[1:5000], body[5000:]])
        )
        assert http.receive().body == body
        assert http.request("POST", "/echo", body + b"a").status == 413
    socket = good.endpoints[scheme].websocket()
    with contextlib.closing(socket.stream):
        for size in (0, 1, 125, 126, 65535, 65536):
            socket.send(b"a" * size)
            assert socket.receive() == b"a" * size
        socket.send_frame(Frame(BINARY, b"a" * 65537))
        assert socket.receive_close().code == 1009
