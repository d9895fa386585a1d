# SPDX-License-Identifier: MIT
"""The API of `httpserver` and `wsserver` against its reference, over every scheme."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from espbench.clients import Endpoints, RawWebSocket
from espbench.clients.websocket import CLOSE, PONG, Frame, close_payload
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
START = (
    "httpserver.start(cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem'{})".format
)


@pytest.fixture(autouse=True)
def modules(shared_device: Device) -> None:
    """Import the modules that scenarios use into the device's `__main__`."""
    shared_device.exec("import gc, httpserver, wsserver")


# -------------------------------------------------------------------- httpserver


@BOTH
def test_an_answer_as_the_handler_says(
    scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """Status, content type, header fields and body are those that the handler sent."""
    shared_device.exec(
        "httpserver.on('/teapot', lambda request: httpserver.send(b'short\\x00', 418,\n"
        "    'application/x-tea', [('X-Cup', 'one'), ('X-Cup', 'two')]))"
    )
    answer = endpoints[scheme].get("/teapot")
    assert (answer.status, answer.body) == (418, b"short\x00")
    assert answer.header("content-type") == "application/x-tea"
    assert [value for name, value in answer.headers if name == "x-cup"] == ["one", "two"]
    shared_device.exec("httpserver.off('/teapot')")


@BOTH
def test_what_a_handler_returns(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """Text and bytes become the body of a 200; None without send() becomes a 204."""
    shared_device.exec(
        "httpserver.on('/text', lambda request: 'grüße')\n"
        "httpserver.on('/bytes', lambda request: b'raw')\n"
        "httpserver.on('/none', lambda request: None)"
    )
    endpoint = endpoints[scheme]
    assert (endpoint.get("/text").status, endpoint.get("/text").text) == (200, "grüße")
    assert endpoint.get("/bytes").body == b"raw"
    assert (endpoint.get("/none").status, endpoint.get("/none").body) == (204, b"")
    shared_device.exec("for path in ('/text', '/bytes', '/none'): httpserver.off(path)")


@BOTH
def test_off(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """off() removes one method of a path or all: a removed method gets 405, a removed path 404."""
    shared_device.exec(
        "for method in ('GET', 'POST'): httpserver.on('/gone', lambda r: 'here', method)"
    )
    assert endpoints[scheme].get("/gone").status == 200
    assert shared_device.eval("httpserver.off('/gone', 'GET')") is True
    assert endpoints[scheme].get("/gone").status == 405
    assert shared_device.eval("httpserver.off('/gone')") is True
    assert endpoints[scheme].get("/gone").status == 404
    assert shared_device.eval("httpserver.off('/gone')") is False


def test_handlers_survive_a_collection(shared_device: Device, endpoints: Endpoints) -> None:
    """Handlers and callbacks that nothing else refers to are not collected as garbage."""
    shared_device.exec(
        "httpserver.on('/kept', lambda request: 'kept ' + str(request.secure))\n"
        "wsserver.on('connect', lambda client: wsserver.send(client, 'hello'))\n"
        "for _ in range(3): junk = [bytearray(1000) for _ in range(60)]; junk = None; gc.collect()"
    )
    assert endpoints.http.get("/kept").text == "kept False"
    assert endpoints.https.get("/kept").text == "kept True"
    with endpoints.http.websocket() as websocket:
        assert websocket.receive() == "hello"
    shared_device.exec("wsserver.on('connect', None); httpserver.off('/kept')")


def test_stop_and_start(shared_device: Device, endpoints: Endpoints) -> None:
    """stop() stops both servers, start() brings them back with their handlers."""
    assert shared_device.eval("httpserver.https_running()") is True
    shared_device.exec("httpserver.stop()")
    assert shared_device.eval("httpserver.https_running()") is False
    assert shared_device.eval("httpserver.info()['http']") is None
    shared_device.exec("httpserver.on('/between', lambda request: 'registered while stopped')")
    assert shared_device.eval(START("")) is True
    for endpoint in (endpoints.http, endpoints.https):
        assert endpoint.get("/between").text == "registered while stopped"
        assert endpoint.get("/hello").text == "hello\n"
    shared_device.exec("httpserver.off('/between')")


def test_figures(shared_device: Device, endpoints: Endpoints) -> None:
    """stats() on the device counts the same requests and statuses as the control channel."""
    before = shared_device.eval("httpserver.stats()")
    for path in ("/hello", "/hello", "/nowhere"):
        endpoints.http.get(path)
    after = shared_device.eval("httpserver.stats()")
    assert after["responses"]["200"] - before["responses"].get("200", 0) == 2
    assert after["responses"]["404"] - before["responses"].get("404", 0) == 1
    assert after["http"]["accepted"] - before["http"]["accepted"] == 3
    assert set(after) == set(shared_device.stats())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("httpserver.start(port=0)", "ValueError"),
        ("httpserver.start(full='maybe')", "ValueError"),
        ("httpserver.on('no-slash', print)", "ValueError"),
        ("httpserver.on('/x', 5)", "TypeError"),
        ("httpserver.on('/x', print, 'BREW')", "ValueError"),
        ("httpserver.send('nobody asked')", "RuntimeError"),
        ("wsserver.start('no-slash')", "ValueError"),
        ("wsserver.on('smile', print)", "ValueError"),
        ("wsserver.close(1, 999)", "ValueError"),
    ],
)
def test_wrong_arguments(call: str, words: str, shared_device: Device) -> None:
    """A wrong argument raises an exception that says so, and changes nothing."""
    outcome = (
        "def attempt(call):\n"
        "    try: eval(call)\n"
        "    except Exception as error: return type(error).__name__, str(error)\n"
    )
    shared_device.exec(outcome)
    name, text = shared_device.eval(f"attempt({call!r})")
    assert name == words
    assert text


def test_a_header_cannot_split_an_answer(shared_device: Device, endpoints: Endpoints) -> None:
    """A header value with a line break is refused, which prevents response splitting."""
    shared_device.exec(
        "def split(request):\n"
        "    try: httpserver.send('x', headers={'X-Name': 'a\\r\\nX-Evil: 1'})\n"
        "    except ValueError: httpserver.send('refused')\n"
        "httpserver.on('/split', split)"
    )
    answer = endpoints.http.get("/split")
    assert answer.text == "refused"
    assert answer.header("x-evil") is None
    shared_device.exec("httpserver.off('/split')")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ("{'Content-Length': 3}", "Content-Length"),
        ("{'content-length': '3'}", "content-length"),
        ("[('Connection', 'keep-alive')]", "Connection"),
        ("{'Transfer-Encoding': 'chunked'}", "Transfer-Encoding"),
        ("{'Content-Type': 'text/html'}", "content_type="),
        ("{'X Name': 'a'}", "invalid"),
        ("{'X-Name ': 'a'}", "invalid"),
        ("{'X-N\\x01ame': 'a'}", "invalid"),
        ("{'X-N\\x7fame': 'a'}", "invalid"),
        ("{'X-Näme': 'a'}", "invalid"),
        ("{'X(Name)': 'a'}", "invalid"),
        ("{'': 'a'}", "invalid"),
        ("{'X-Name': 'a\\x1b[2J'}", "invalid"),
        ("{'X-Name': 'a\\x00b'}", "invalid"),
        ("None, content_type='text/plain\\x08'", "content_type"),
    ],
)
def test_headers_that_are_refused(
    fields: str, word: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """send() refuses the server's own fields and invalid ones (RFC 9110, 5.1, 5.5 and 5.6.2)."""
    shared_device.exec(
        "def refused(request):\n"
        f"    try: httpserver.send('sent', headers={fields})\n"
        "    except ValueError as error: return str(error)\n"
        "httpserver.on('/refused', refused)"
    )
    with endpoints.http.http() as http:
        for _ in range(2):  # the connection goes on
            answer = http.get("/refused")
            assert word in answer.text
            assert [name for name, _ in answer.headers].count("content-length") == 1
            assert answer.header("x-name") is None
    shared_device.exec("httpserver.off('/refused')")


# -------------------------------------------------------------------- wsserver


@BOTH
def test_a_session_as_python_sees_it(
    scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """connect, message and disconnect come in order, text is str and binary is bytes."""
    shared_device.exec(
        "seen = []\n"
        "wsserver.start('/seen')\n"
        "wsserver.on('connect', lambda client: seen.append('connect'))\n"
        "wsserver.on('disconnect', lambda client, code: seen.append(code))\n"
        "def message(client, data):\n"
        "    seen.append(type(data).__name__)\n"
        "    seen.append(wsserver.clients() == [client])\n"
        "    wsserver.send(client, data)\n"
        "wsserver.on('message', message)"
    )
    with endpoints[scheme].websocket("/seen") as websocket:
        for data in ("text", b"binary"):
            websocket.send(data)
            assert websocket.receive() == data
    shared_device.settle()
    assert shared_device.eval("seen") == ["connect", "str", True, "bytes", True, 1000]
    assert shared_device.eval("wsserver.clients()") == []
    shared_device.exec("wsserver.on('connect', None)\nwsserver.on('disconnect', None)")
    shared_device.exec("wsserver.stop('/seen')")
    assert endpoints[scheme].get("/seen").status == 404


@BOTH
def test_close_with_code_and_reason(
    scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """close() in Python sends its code and its reason."""
    websocket = endpoints[scheme].websocket()
    deadline = Deadline(5)  # the client learns of the upgrade before MicroPython does
    while not shared_device.eval("wsserver.clients()"):
        assert not deadline.expired()
    shared_device.exec("wsserver.close(wsserver.clients()[0], 4001, 'that is all')")
    closed = websocket.receive_close()
    assert (closed.code, closed.reason) == (4001, "that is all")
    websocket.send_frame(Frame(CLOSE, close_payload(4001)))
    websocket.wait_until_gone()
    websocket.stream.close()


def test_a_client_that_never_was(shared_device: Device) -> None:
    """send() to a number that no session ever had returns False."""
    assert shared_device.eval("wsserver.send(123456, 'anybody?')") is False
    assert shared_device.eval("wsserver.close(123456)") is False


class Sessions:
    """WebSockets whose numbers on the device are known."""

    def __init__(self, device: Device, endpoints: Endpoints, stack: ExitStack) -> None:
        self.device, self.endpoints, self.stack = device, endpoints, stack
        self.numbers: dict[RawWebSocket, int] = {}

    def open(self, scheme: str) -> RawWebSocket:
        """Open another WebSocket."""
        websocket = self.endpoints[scheme].websocket("/number")
        self.stack.callback(websocket.stream.close)
        self.numbers[websocket] = int(websocket.receive())
        return websocket

    def assert_undisturbed(self, websocket: RawWebSocket) -> None:
        """Assert that an echo is the next thing to arrive: nothing else came before it."""
        websocket.send("still here?")
        assert websocket.receive() == "still here?"


@pytest.fixture
def sessions(shared_device: Device, endpoints: Endpoints) -> Iterator[Sessions]:
    """Return an opener of WebSockets, at an endpoint that sends each client its number."""
    shared_device.exec(
        "wsserver.start('/number')\n"
        "wsserver.on('connect', lambda client: wsserver.send(client, str(client)))"
    )
    with ExitStack() as stack:
        yield Sessions(shared_device, endpoints, stack)
    shared_device.exec("wsserver.on('connect', None)\nwsserver.stop('/number')")


@pytest.mark.parametrize("first", ["ws", "wss"])
def test_close_reaches_its_client_alone(first: str, sessions: Sessions) -> None:
    """With two ws and two wss sessions open, close() in Python ends that session and no other.

    Sessions of the two servers alternate, so that mixing up servers, sockets or slots would hit
    another session.
    """
    second = "wss" if first == "ws" else "ws"
    everybody = [sessions.open(scheme) for scheme in (first, second, first, second)]
    for turn, victim in enumerate((everybody[2], everybody[1])):
        code, reason = 4000 + turn, f"number {sessions.numbers[victim]}"
        assert sessions.device.eval(
            f"wsserver.close({sessions.numbers[victim]}, {code}, {reason!r})"
        )
        closed = victim.receive_close()
        assert (closed.code, closed.reason) == (code, reason)
        everybody.remove(victim)
        for other in everybody:
            sessions.assert_undisturbed(other)
        victim.send_frame(Frame(CLOSE, close_payload(code)))
        victim.wait_until_gone()
        for other in everybody:
            sessions.assert_undisturbed(other)
        left = sessions.device.eval("wsserver.clients()")
        assert sorted(left) == sorted(sessions.numbers[other] for other in everybody)
    for other in everybody:
        assert other.close().code == 1000


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_client_that_is_gone(scheme: str, sessions: Sessions) -> None:
    """The number of an ended session stays invalid, however many sessions follow."""
    stays, goes = sessions.open("ws"), sessions.open(scheme)
    stale = sessions.numbers[goes]
    assert goes.close().code == 1000
    others = [stays, *(sessions.open(new) for new in ("ws", "wss", scheme))]
    assert stale not in sessions.device.eval("wsserver.clients()")
    assert stale not in [sessions.numbers[other] for other in others]
    assert sessions.device.eval(f"wsserver.send({stale}, 'for somebody else')") is False
    assert sessions.device.eval(f"wsserver.close({stale}, 4000)") is False
    for other in others:
        sessions.assert_undisturbed(other)
        assert other.close().code == 1000


@pytest.mark.failures("ws_ping_timeout")
def test_ping_interval_and_time_out(shared_device: Device, endpoints: Endpoints) -> None:
    """The device pings; a client that answers stays connected, one that does not is dropped."""
    shared_device.exec("wsserver.start('/pinged', ping_interval_ms=100, ping_timeout_ms=300)")
    dead = endpoints.http.websocket("/pinged")
    with endpoints.http.websocket("/pinged") as alive:
        for _ in range(8):
            alive.send_frame(Frame(PONG, alive.receive_ping(2)))
        dead.wait_until_gone(5)
        dead.stream.close()
        alive.send("still here")
    shared_device.exec("wsserver.stop('/pinged')")
