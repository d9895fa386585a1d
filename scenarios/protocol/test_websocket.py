# SPDX-License-Identifier: MIT
"""WebSockets as in RFC 6455, and clients that violate it, beside what test_conformance.py asks."""

from __future__ import annotations

import pytest
from espbench.clients import Endpoints, Frame, HttpConnection, RawWebSocket, encode_request
from espbench.clients.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    close_payload,
    upgrade_headers,
)
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

BOTH = pytest.mark.parametrize("scheme", ["ws", "wss"])
LIMIT = 16384


def refused(websocket: RawWebSocket, code: int) -> None:
    """Assert that the server fails the connection with this code and closes it."""
    assert websocket.receive_close().code == code
    websocket.wait_until_gone()
    websocket.stream.close()


def test_many_fragments(endpoints: Endpoints) -> None:
    """A message of 16384 bytes in frames of 64 comes back whole."""
    with endpoints.http.websocket() as websocket:
        part = bytes(range(64))
        websocket.send_frame(Frame(BINARY, part, fin=False))
        for _ in range(LIMIT // 64 - 2):
            websocket.send_frame(Frame(CONTINUATION, part, fin=False))
        websocket.send_frame(Frame(CONTINUATION, part))
        assert websocket.receive() == part * (LIMIT // 64)


@BOTH
def test_pings_are_answered_while_micropython_is_busy(
    scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """Pongs do not depend on MicroPython: a handler that blocks does not delay them."""
    with endpoints[scheme].websocket() as websocket, endpoints.http.http() as busy:
        busy.send("GET", "/slow?ms=600")
        for turn in range(5):
            websocket.send_frame(Frame(PING, b"%d" % turn))
            assert websocket.receive_pong(0.3) == b"%d" % turn
        websocket.send("later")
        assert busy.receive().text == "slow\n"
        assert websocket.receive() == "later"


def test_pings_are_answered_in_a_tight_loop(shared_device: Device, endpoints: Endpoints) -> None:
    """A Python loop that never sleeps does not delay pongs and closes either."""
    shared_device.exec(
        "import httpserver\n"
        "def spin(request):\n"
        "    import time\n"
        "    end = time.ticks_add(time.ticks_ms(), 400)\n"
        "    while time.ticks_diff(end, time.ticks_ms()) > 0: pass\n"
        "    return 'done'\n"
        "httpserver.on('/spin', spin)"
    )
    with endpoints.http.websocket() as stays, endpoints.http.http() as busy:
        goes = endpoints.http.websocket()
        busy.send("GET", "/spin")
        stays.send_frame(Frame(PING, b"spin"))
        assert stays.receive_pong(0.3) == b"spin"
        goes.send_frame(Frame(CLOSE, close_payload(1000)))
        assert goes.receive_close(0.3).code == 1000
        goes.stream.close()
        assert busy.receive().text == "done"
    shared_device.exec("httpserver.off('/spin')")


def test_a_ping_with_one_byte(endpoints: Endpoints) -> None:
    """The payload of a ping comes back even if it is shorter than the mask."""
    with endpoints.http.websocket() as websocket:
        websocket.send_frame(Frame(PING, b"p"))
        assert websocket.receive_pong() == b"p"


@BOTH
def test_one_byte_at_a_time(scheme: str, endpoints: Endpoints) -> None:
    """Frames that arrive byte by byte are understood."""
    with endpoints[scheme].websocket() as websocket:
        for byte in Frame(TEXT, "äöü €".encode()).encode():
            websocket.send_bytes(bytes([byte]))
        assert websocket.receive() == "äöü €"


@BOTH
def test_the_first_frame_with_the_upgrade(scheme: str, endpoints: Endpoints) -> None:
    """A frame that arrives together with the upgrade request is not lost."""
    stream = endpoints[scheme].stream()
    request = encode_request("GET", "/ws", headers=upgrade_headers())
    stream.send(request + Frame(TEXT, b"early").encode())
    http = HttpConnection(stream)
    assert http.receive_upgrade().status == 101
    data = http.left_over
    while len(data) < 7:
        data += stream.receive()
    assert data == b"\x81\x05early"
    stream.send(Frame(CLOSE, close_payload(1000)).encode())
    assert stream.receive() == b"\x88\x02\x03\xe8"
    stream.close()


@pytest.mark.failures("ws_protocol")
@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([Frame(TEXT, b"x", masked=False)], id="unmasked"),
        pytest.param([Frame(PING, b"x", masked=False)], id="unmasked-ping"),
        pytest.param([Frame(TEXT, b"x", rsv=4)], id="rsv1"),
        pytest.param([Frame(TEXT, b"x", rsv=2)], id="rsv2"),
        pytest.param([Frame(TEXT, b"x", rsv=1)], id="rsv3"),
        pytest.param([Frame(PING, b"x", rsv=4)], id="rsv1-ping"),
        *(pytest.param([Frame(code, b"x")], id=f"opcode-{code}") for code in (3, 4, 5, 6, 7)),
        *(pytest.param([Frame(code, b"x")], id=f"opcode-{code}") for code in (11, 12, 13, 14, 15)),
        pytest.param([Frame(PING, b"x", fin=False)], id="fragmented-ping"),
        pytest.param([Frame(CLOSE, close_payload(1000), fin=False)], id="fragmented-close"),
        pytest.param([Frame(PING, b"x" * 126)], id="long-ping"),
        pytest.param([Frame(PONG, b"x" * 126)], id="long-pong"),
        pytest.param([Frame(CONTINUATION, b"x")], id="continuation-of-nothing"),
        pytest.param([Frame(TEXT, b"a", fin=False), Frame(TEXT, b"b")], id="text-in-text"),
        pytest.param([Frame(TEXT, b"x", length_bytes=2)], id="length-in-16-bits"),
        pytest.param([Frame(TEXT, b"x", length_bytes=8)], id="length-in-64-bits"),
        pytest.param([Frame(BINARY, b"", length=1 << 63, length_bytes=8)], id="length-sign-bit"),
        pytest.param([Frame(CLOSE, b"\x03")], id="close-of-one-byte"),
        *(
            pytest.param([Frame(CLOSE, close_payload(code))], id=f"close-{code}")
            for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
        ),
    ],
)
def test_1002(frames: list[Frame], endpoints: Endpoints) -> None:
    """A protocol violation ends the connection with 1002 (section 7.4.1)."""
    websocket = endpoints.http.websocket()
    websocket.send_frame(*frames)
    refused(websocket, 1002)


@pytest.mark.failures("ws_protocol")
def test_1002_over_tls(endpoints: Endpoints) -> None:
    """An unmasked frame ends a wss connection with 1002 too."""
    websocket = endpoints.https.websocket()
    websocket.send_frame(Frame(TEXT, b"x", masked=False))
    refused(websocket, 1002)


NOT_UTF8 = {
    "lone-continuation": b"ok \x80",
    "overlong-slash": b"\xc0\xaf",
    "overlong-3": b"\xe0\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "above-10ffff": b"\xf4\x90\x80\x80",
    "cut": "€".encode()[:2],
    "latin-1": "ä".encode("latin-1"),
    "fe": b"\xfe",
}


@pytest.mark.failures("ws_not_utf8")
@pytest.mark.parametrize(
    ("scheme", "name"), [*(("ws", name) for name in NOT_UTF8), ("wss", "surrogate")]
)
def test_1007(scheme: str, name: str, endpoints: Endpoints) -> None:
    """Text that is not UTF-8 ends the connection with 1007 (section 8.1)."""
    websocket = endpoints[scheme].websocket()
    websocket.send_frame(Frame(TEXT, NOT_UTF8[name]))
    refused(websocket, 1007)


@pytest.mark.failures("ws_not_utf8")
def test_1007_in_fragments(endpoints: Endpoints) -> None:
    """A character split by the end of the message gives 1007, one split between frames does not."""
    euro = "€".encode()
    websocket = endpoints.http.websocket()
    websocket.send_frame(Frame(TEXT, euro[:1], fin=False), Frame(CONTINUATION, euro[1:]))
    assert websocket.receive() == "€"
    websocket.send_frame(Frame(TEXT, euro[:1], fin=False), Frame(CONTINUATION, euro[1:2]))
    refused(websocket, 1007)


@pytest.mark.failures("ws_not_utf8")
def test_1007_in_a_close_reason(endpoints: Endpoints) -> None:
    """A close reason that is not UTF-8 is answered with 1007."""
    websocket = endpoints.http.websocket()
    websocket.send_frame(Frame(CLOSE, b"\x03\xe8\xff"))
    refused(websocket, 1007)


@pytest.mark.failures("ws_too_big")
@BOTH
@pytest.mark.parametrize("claim", [LIMIT + 1, 1 << 20, (1 << 63) - 1])
def test_1009_by_its_length(scheme: str, claim: int, endpoints: Endpoints) -> None:
    """A frame that announces more than the limit gives 1009 at once, and allocates nothing."""
    websocket = endpoints[scheme].websocket()
    websocket.send_frame(Frame(BINARY, b"", length=claim))
    refused(websocket, 1009)


@pytest.mark.failures("ws_too_big")
def test_1009_in_fragments(endpoints: Endpoints) -> None:
    """Fragments that together exceed the limit give 1009."""
    websocket = endpoints.http.websocket()
    websocket.send_frame(
        Frame(BINARY, b"x" * LIMIT, fin=False), Frame(CONTINUATION, b"y", fin=False)
    )
    refused(websocket, 1009)


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
)
def test_good_close_codes_come_back(code: int, endpoints: Endpoints) -> None:
    """A close with an allowed code is answered with the same code."""
    assert endpoints.http.websocket().close(code, "reason").code == code


@BOTH
def test_the_device_closes(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """wsserver.close() sends its code and reason, and the connection closes cleanly."""
    websocket = endpoints[scheme].websocket()
    websocket.send("x")
    assert websocket.receive() == "x"  # so MicroPython knows the session
    client = shared_device.eval("__import__('wsserver').clients()")[-1]
    assert shared_device.eval(f"__import__('wsserver').close({client}, 4001, 'enough')")
    closed = websocket.receive_close()
    assert (closed.code, closed.reason) == (4001, "enough")
    websocket.send_frame(Frame(CLOSE, close_payload(4001)))
    websocket.wait_until_gone()
    websocket.stream.close()
    assert shared_device.eval(f"__import__('wsserver').send({client}, 'x')") is False
    # MicroPython learns of the end by an event, which queues behind others.
    deadline = Deadline(5)
    while client in shared_device.eval("__import__('wsserver').clients()"):
        assert not deadline.expired(), "the session is still listed"


@BOTH
@pytest.mark.failures("peer_reset")
def test_events_of_a_session(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """connect, message and disconnect are reported, with 1000 for a close and 1006 for a reset."""
    shared_device.exec(
        "import wsserver\n"
        "events = []\n"
        "wsserver.on('connect', lambda client: events.append(['connect', client]))\n"
        "wsserver.on('disconnect', lambda client, code: events.append(['gone', client, code]))\n"
    )
    with endpoints[scheme].websocket() as websocket:
        websocket.send("x")
        assert websocket.receive() == "x"
    websocket = endpoints[scheme].websocket()
    websocket.send("y")
    assert websocket.receive() == "y"
    websocket.stream.reset()
    shared_device.settle()
    events = shared_device.eval("events")
    assert [(e[0], *e[2:]) for e in events] == [
        ("connect",),
        ("gone", 1000),
        ("connect",),
        ("gone", 1006),
    ]
    assert events[0][1] == events[1][1] != events[2][1] == events[3][1]
    shared_device.exec("wsserver.on('connect', None)\nwsserver.on('disconnect', None)")


@pytest.mark.failures("peer_reset")
@BOTH
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="idle"),
        pytest.param(b"\x81", id="half-a-header"),
        pytest.param(Frame(BINARY, b"x" * 10, length=LIMIT).encode(), id="in-a-payload"),
        pytest.param(Frame(TEXT, b"x", fin=False).encode(), id="between-fragments"),
        pytest.param(Frame(BINARY, b"x" * LIMIT).encode(), id="in-the-echo"),
    ],
)
def test_a_client_that_resets(scheme: str, data: bytes, endpoints: Endpoints) -> None:
    """A reset at any point of a message disturbs nothing else."""
    websocket = endpoints[scheme].websocket()
    websocket.send_bytes(data)
    websocket.stream.reset()


@BOTH
def test_a_client_that_just_ends(scheme: str, endpoints: Endpoints) -> None:
    """Closing TCP without a close frame frees the session."""
    endpoints[scheme].websocket().stream.close()


def test_a_reader_that_is_slow(shared_device: Device, endpoints: Endpoints) -> None:
    """Up to four echoes of 16 kB wait for a client that does not read; others are served."""
    echoes = min(4, shared_device.heap().free // (2 * LIMIT))
    assert echoes > 0
    with endpoints.http.websocket() as slow:
        for _ in range(echoes):
            slow.send(b"x" * LIMIT)
        assert endpoints.http.get("/hello").status == 200
        assert [slow.receive() for _ in range(echoes)] == [b"x" * LIMIT] * echoes
