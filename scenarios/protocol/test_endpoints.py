# SPDX-License-Identifier: MIT
"""WebSocket endpoints: whose they are, their subprotocols, and the memory of their messages."""

from __future__ import annotations

import hashlib

import pytest
from espbench.clients import Endpoints, Frame
from espbench.clients.websocket import upgrade_headers
from espbench.device.device import Device

ATTEMPT = """
import webrepl, wsserver
def attempt(call):
    try: eval(call)
    except ValueError as error: return str(error)
"""


@pytest.mark.parametrize(
    ("call", "path", "owner"),
    [
        ("webrepl.start('espbench', '/ws')", "/ws", "wsserver"),
        ("wsserver.start('/webrepl')", "/webrepl", "webrepl"),
    ],
)
def test_nobody_takes_an_endpoint(
    call: str, path: str, owner: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """A path of another module is refused, and both endpoints stay as they are."""
    shared_device.exec(ATTEMPT)
    message = shared_device.eval(f"attempt({call!r})")
    assert message == (
        f"{path} is an endpoint of {owner}: choose another path, or stop that one first"
    )
    with endpoints.http.websocket("/webrepl") as repl:
        assert repl.receive() == "Password: "
    with endpoints.http.websocket("/ws") as echo:
        echo.send("still here")
        assert echo.receive() == "still here"


@pytest.mark.parametrize("call", ["wsserver.stop('/webrepl')", "wsserver.stop()"])
def test_nobody_stops_an_endpoint(call: str, shared_device: Device, endpoints: Endpoints) -> None:
    """wsserver.stop() leaves the WebREPL alone, with its session."""
    shared_device.exec("import wsserver")
    with endpoints.http.websocket("/webrepl") as repl:
        assert repl.receive() == "Password: "
        shared_device.exec(call)
        repl.send("wrong\r")
        assert repl.receive() == "\r\nAccess denied\r\n"
    with endpoints.http.websocket("/webrepl") as repl:
        assert repl.receive() == "Password: "
    shared_device.exec("wsserver.start('/ws')")


def test_a_path_that_became_free(shared_device: Device, endpoints: Endpoints) -> None:
    """Once its owner has stopped it, an endpoint's path is free for another module."""
    shared_device.exec("import webrepl, wsserver\nwsserver.stop('/ws')")
    shared_device.exec("webrepl.start('espbench', '/ws')")
    try:
        assert endpoints.http.get("/webrepl").status == 404
        with endpoints.http.websocket("/ws") as repl:
            assert repl.receive() == "Password: "
    finally:
        shared_device.exec("webrepl.start('espbench')\nwsserver.start('/ws')")
    with endpoints.http.websocket("/ws") as echo:
        echo.send("back")
        assert echo.receive() == "back"


PROTOCOLS = [
    # what the client offers, in lines, and what it gets from an endpoint with these two
    (["mqtt"], "mqtt"),
    (["chat.v2, mqtt"], "chat.v2"),  # the client's order counts
    (["other", "a,, mqtt"], "mqtt"),  # a list in two lines (RFC 6455, section 11.3.4)
    (["MQTT", "chat"], None),
    ([], None),
]


@pytest.mark.failures("peer_reset")  # by clients that leave with a message unread
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_subprotocols(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A session gets the first offered subprotocol that its endpoint has (RFC 6455, 4.2.2)."""
    shared_device.exec(
        "import wsserver\n"
        "wsserver.start('/sub', protocols=('mqtt', 'chat.v2'))\n"
        "def connected(client): wsserver.send(client, repr(wsserver.protocol(client)))\n"
        "wsserver.on('connect', connected)"
    )
    try:
        for lines, agreed in PROTOCOLS:
            fields = [("Sec-WebSocket-Protocol", value) for value in lines]
            with endpoints[scheme].http() as http:
                http.send("GET", "/sub", headers=[*upgrade_headers().items(), *fields])
                answer = http.receive_upgrade()
                assert (answer.status, answer.header("sec-websocket-protocol")) == (101, agreed)
        for offered, chosen in {"x, mqtt": "'mqtt'", "x": "None"}.items():
            headers = {**upgrade_headers(), "Sec-WebSocket-Protocol": offered}
            with endpoints[scheme].websocket("/sub", headers=headers) as websocket:
                assert websocket.receive() == chosen
    finally:
        shared_device.exec("wsserver.on('connect', None)\nwsserver.stop('/sub')")


@pytest.mark.parametrize("name", ["a b", "", "a,b", "x" * 65])
def test_what_is_not_a_subprotocol(name: str, shared_device: Device) -> None:
    """The name of a subprotocol is a token (RFC 6455, section 4.1)."""
    shared_device.exec(ATTEMPT)
    message = shared_device.eval(f"attempt({f'wsserver.start(protocols=[{name!r}])'!r})")
    assert "subprotocol" in message


@pytest.mark.parametrize("fragment", [120_000, 4096, 64])
def test_a_large_message_in_fragments(
    fragment: int, shared_device: Device, endpoints: Endpoints
) -> None:
    """A message in fragments needs no more memory than one in a single frame."""
    size = 120_000 if shared_device.board.name == "lx60" else 12_000
    data = bytes(i * 7 & 0xFF for i in range(size))
    shared_device.exec(
        "import hashlib, wsserver\n"
        "wsserver.start('/large', max_message=131072)\n"
        "echo = lambda client, data: wsserver.send(client, data)\n"
        "def digest(client, data): wsserver.send(client, hashlib.sha256(data).digest())\n"
        "wsserver.on('message', digest)"
    )
    try:
        with endpoints.http.websocket("/large") as websocket:
            for at in range(0, size, fragment):
                last = at + fragment >= size
                opcode = 2 if at == 0 else 0
                websocket.send_frame(Frame(opcode, data[at : at + fragment], fin=last))
            assert websocket.receive() == hashlib.sha256(data).digest()
    finally:
        shared_device.exec("wsserver.on('message', echo)\nwsserver.stop('/large')")
