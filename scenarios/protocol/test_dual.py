# SPDX-License-Identifier: MIT
"""One handler for http, https, ws and wss at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from espbench.boards.board import Board
from espbench.clients import (
    ClientError,
    Endpoints,
    Frame,
    WebRepl,
    WebReplError,
    WebSocketError,
    run_concurrently,
)
from espbench.clients.websocket import CLOSE, close_payload
from espbench.device.device import Device

ONE_HANDLER = """
import httpserver, wsserver
visits = []
def visit(who):
    visits.append(who)
    return "visit %d of %s" % (len(visits), who)
def on_request(request):
    httpserver.send(visit("https" if request.secure else "http"))
def on_message(client, data):
    wsserver.send(client, visit(data))
httpserver.on("/visit", on_request)
wsserver.on("message", on_message)
"""
BACK = """
import bench_app, httpserver, wsserver
httpserver.off("/visit")
wsserver.on("message", bench_app.on_message)
del visits
"""


@pytest.fixture
def one_handler(shared_device: Device) -> Iterator[Callable[[], list[str]]]:
    """Install the handler; return a function that returns its visits."""
    shared_device.exec(ONE_HANDLER)
    yield lambda: shared_device.eval("visits")
    shared_device.exec(BACK)


def test_one_handler_four_ways_in(
    one_handler: Callable[[], list[str]], endpoints: Endpoints
) -> None:
    """One function with one state answers http, https, ws and wss."""
    assert endpoints.http.get("/visit").text == "visit 1 of http"
    assert endpoints.https.get("/visit").text == "visit 2 of https"
    with endpoints.http.websocket() as ws:
        ws.send("ws")
        assert ws.receive() == "visit 3 of ws"
    with endpoints.https.websocket() as wss:
        wss.send("wss")
        assert wss.receive() == "visit 4 of wss"
    assert one_handler() == ["http", "https", "ws", "wss"]


def test_all_four_stay_open_side_by_side(shared_device: Device, endpoints: Endpoints) -> None:
    """Four open connections, one of each kind, take turns for ten rounds."""
    with (
        endpoints.http.http() as http,
        endpoints.https.http() as https,
        endpoints.http.websockets_client() as ws,
        endpoints.https.websockets_client() as wss,
    ):
        for turn in range(10):
            body = f"turn {turn}".encode()
            assert http.request("POST", "/echo", body).json()["body"] == f"turn {turn}"
            assert wss.echo(f"wss {turn}") == f"wss {turn}"
            answer = https.request("POST", "/echo", body).json()
            assert (answer["body"], answer["secure"]) == (f"turn {turn}", True)
            assert ws.echo(b"\0" * turn) == b"\0" * turn
        stats = shared_device.stats()
        assert (stats["http"]["open"], stats["https"]["open"]) == (2, 2)
        assert stats["websocket"]["open"] == 2


def test_all_four_at_the_same_moment(endpoints: Endpoints) -> None:
    """Eight clients, two of each kind, are served at once and each gets its own response."""

    def requests(scheme: str, name: str) -> int:
        with endpoints[scheme].http() as http:
            for turn in range(10):
                body = f"{name} {turn}" * 20
                answer = http.request("POST", "/echo", body.encode()).json()
                assert answer["body"] == body
                assert answer["secure"] == (scheme == "https")
        return 10

    def echoes(scheme: str, name: str) -> int:
        with endpoints[scheme].websockets_client() as websocket:
            for turn in range(10):
                assert websocket.echo(f"{name} {turn}" * 20) == f"{name} {turn}" * 20
        return 10

    clients = [
        *(lambda s=s, n=n: requests(s, f"{s} {n}") for s in ("http", "https") for n in (1, 2)),
        *(lambda s=s, n=n: echoes(s, f"{s} {n}") for s in ("ws", "wss") for n in (1, 2)),
    ]
    assert [outcome.get() for outcome in run_concurrently(clients)] == [10] * 8


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_request_is_what_was_sent(scheme: str, endpoints: Endpoints) -> None:
    """Method, path, query, body and the use of TLS reach the handler."""
    answer = endpoints[scheme].request("POST", "/echo?a=1&b=%20", b"body")
    assert answer.json() == {
        "method": "POST",
        "path": "/echo",
        "query": "a=1&b=%20",
        "body": "body",
        "secure": scheme == "https",
    }


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("size", [1, 1460, 4096, 16384, None])
def test_big_answers_arrive_whole(
    scheme: str, size: int | None, endpoints: Endpoints, board: Board
) -> None:
    """Responses from one byte to the largest that fits arrive whole."""
    size = size or board.largest_object
    assert endpoints[scheme].get(f"/big?n={size}").body == b"x" * size


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("size", [0, 1, 4096, 16384])
def test_bodies_arrive_whole(scheme: str, size: int, endpoints: Endpoints) -> None:
    """Bodies up to the limit of 16384 bytes arrive whole."""
    assert endpoints[scheme].request("POST", "/upload", b"u" * size).json() == {"length": size}


@pytest.mark.parametrize("scheme", ["ws", "wss"])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 1460, 16384])
def test_messages_come_back_whole(scheme: str, size: int, endpoints: Endpoints) -> None:
    """Text and binary messages up to the limit of 16384 bytes come back whole."""
    with endpoints[scheme].websockets_client() as websocket:
        assert websocket.echo("t" * size) == "t" * size
        assert websocket.echo(b"\xff" * size) == b"\xff" * size


def test_a_handler_comes_and_goes_on_both(shared_device: Device, endpoints: Endpoints) -> None:
    """A handler that is added or removed at run time is added or removed on both servers."""
    shared_device.exec("import httpserver\nhttpserver.on('/new', lambda request: 'new')")
    assert [endpoints[s].get("/new").text for s in ("http", "https")] == ["new", "new"]
    shared_device.exec("httpserver.off('/new')")
    assert [endpoints[s].get("/new").status for s in ("http", "https")] == [404, 404]


def test_an_endpoint_comes_and_goes_on_both(shared_device: Device, endpoints: Endpoints) -> None:
    """A WebSocket path that is added or removed at run time changes both ws and wss."""
    shared_device.exec("import wsserver\nwsserver.start('/other')")
    for scheme in ("ws", "wss"):
        with endpoints[scheme].websockets_client("/other") as websocket:
            assert websocket.echo("here") == "here"
    shared_device.exec("wsserver.stop('/other')")
    for scheme in ("ws", "wss"):
        with pytest.raises(WebSocketError, match="404"):
            endpoints[scheme].websocket("/other")


@pytest.mark.failures("handler_error")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_handler_that_raises_gives_500(
    scheme: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """An exception in a handler gives a 500 and a traceback on the console, and nothing worse."""
    shared_device.exec("import httpserver\nhttpserver.on('/bad', lambda request: 1 // 0)")
    with endpoints[scheme].http() as http:
        assert http.get("/bad").status == 500
        shared_device.console.expect("ZeroDivisionError", timeout=5)
        assert http.get("/hello").status == 200
    shared_device.exec("httpserver.off('/bad')")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("result", "status", "body"),
    [("'text'", 200, b"text"), ("b'\\x00'", 200, b"\0"), ("None", 204, b"")],
)
def test_what_a_handler_returns_is_the_answer(
    scheme: str, result: str, status: int, body: bytes, shared_device: Device, endpoints: Endpoints
) -> None:
    """Text and bytes are the body of a 200; None is a 204."""
    shared_device.exec(f"import httpserver\nhttpserver.on('/r', lambda request: {result})")
    answer = endpoints[scheme].get("/r")
    assert (answer.status, answer.body) == (status, body)
    shared_device.exec("httpserver.off('/r')")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_webrepl_evaluates_a_line(scheme: str, endpoints: Endpoints) -> None:
    """The WebREPL asks for its password, evaluates a line, and shows an exception."""
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, "espbench")
        assert repl.line("6 * 7") == "42\n"
        assert "ZeroDivisionError" in repl.line("1 // 0")


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_webrepl_refuses_a_wrong_password(scheme: str, endpoints: Endpoints) -> None:
    """A wrong password is refused, and the right one works afterwards."""
    with (
        endpoints[scheme].websockets_client("/webrepl") as socket,
        pytest.raises(WebReplError, match="refused"),
    ):
        WebRepl(socket, "wrong")
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        assert WebRepl(socket, "espbench").line("1") == "1\n"


@pytest.mark.parametrize(("first", "second"), [("ws", "wss"), ("wss", "ws")])
def test_webrepl_has_one_session(first: str, second: str, endpoints: Endpoints) -> None:
    """A second session is refused with 1013, over either scheme."""
    with endpoints[first].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, "espbench")
        other = endpoints[second].websocket("/webrepl")
        assert other.receive_close().code == 1013
        other.send_frame(Frame(CLOSE, close_payload(1013)))
        other.wait_until_gone()
        other.stream.close()
        assert repl.line("1 + 1") == "2\n"


def restart_https(device: Device, recipe_folder: str = "/certs") -> bool:
    """Start the servers as the bench application does; return start()'s result."""
    started: bool = device.eval(
        f"__import__('httpserver').start(cert_file='{recipe_folder}/servercert.pem', "
        f"key_file='{recipe_folder}/prvtkey.pem')"
    )
    return started


def test_http_goes_on_without_https(shared_device: Device, endpoints: Endpoints) -> None:
    """Without certificates only HTTPS stops: open http and ws connections are unaffected."""
    with endpoints.http.http() as http, endpoints.http.websockets_client() as ws:
        assert http.get("/hello").status == 200
        assert shared_device.eval("__import__('httpserver').start()") is True
        assert shared_device.eval("__import__('httpserver').https_running()") is False
        with pytest.raises(ClientError):
            endpoints.https.patient(2).get("/hello")
        assert http.get("/hello").status == 200
        assert ws.echo("still here") == "still here"
        assert restart_https(shared_device) is True
        assert endpoints.https.get("/hello").status == 200
        assert http.get("/hello").status == 200


def test_stop_and_start_again(shared_device: Device, endpoints: Endpoints) -> None:
    """stop() ends both servers and their connections; start() brings both back."""
    with endpoints.http.raw() as idle:
        idle.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.receive()
        shared_device.exec("import httpserver\nhttpserver.stop()")
        idle.wait_until_gone(5)
    for scheme in ("http", "https"):
        with pytest.raises(ClientError):
            endpoints[scheme].patient(2).get("/hello")
    assert restart_https(shared_device) is True
    for scheme in ("http", "https"):
        assert endpoints[scheme].get("/hello").status == 200


def test_starting_twice_changes_nothing(shared_device: Device, endpoints: Endpoints) -> None:
    """start() with the same options returns True and disturbs no connection."""
    with endpoints.https.websockets_client() as wss, endpoints.http.http() as http:
        assert http.get("/hello").status == 200
        assert restart_https(shared_device) is True
        assert wss.echo("same") == "same"
        assert http.get("/hello").status == 200


def test_a_browser_that_accepted_the_warning(endpoints: Endpoints) -> None:
    """A client that does not verify the certificate gets the same responses."""
    unverified = endpoints.but(verify=False, trust=None)
    assert unverified.https.get("/hello").text == "hello\n"
