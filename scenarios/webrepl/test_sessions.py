# SPDX-License-Identifier: MIT
"""WebREPL's single session: refusals, when it is free again, soft resets, and stop()."""

from __future__ import annotations

import time

import pytest
from espbench.clients import Endpoints, Frame, WebRepl, WebSocketError
from espbench.clients.webrepl import PROMPT
from espbench.clients.websocket import CLOSE, PING, close_payload
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

from .clients import BOTH, PASSWORD, WRONG, attempt, content, refusal


@BOTH
@pytest.mark.parametrize(
    "keys",
    ["\x04", "import machine; machine.soft_reset()\r", "raise SystemExit\r", "\x01\x04"],
    ids=["ctrl-d", "machine", "SystemExit", "raw"],
)
def test_soft_reset(scheme: str, keys: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A soft reset closes with 1012 and restarts main.py, and the client can reconnect."""
    seen = len(shared_device.events)
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.line("_gone = 1")
        socket.send(keys)
        with pytest.raises(WebSocketError, match="1012"):
            repl.read_until("never")
    boot = shared_device.wait_for_event("boot", since=seen)
    assert boot["cause"] == "soft"
    shared_device.wait_ready()
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert "NameError" in repl.line("_gone")


BLOCK_DEVICE = """
try:
    import flashbdev
    kind = str(type(flashbdev.bdev))
except ImportError:
    kind = "the board's own"
"""


def test_soft_resets_keep_the_flash_mapped(device: Device, endpoints: Endpoints) -> None:
    """Files are read through the memory-mapped flash after any number of soft resets."""
    device.exec(BLOCK_DEVICE)
    kind = device.eval("kind")
    for _ in range(6):
        seen = len(device.events)
        with endpoints.http.websockets_client("/webrepl") as socket:
            repl = WebRepl(socket, PASSWORD)
            socket.send("\x04")
            with pytest.raises(WebSocketError, match="1012"):
                repl.read_until("never")
        device.wait_for_event("boot", since=seen)
        device.wait_ready()
        device.exec(BLOCK_DEVICE)
        assert device.eval("kind") == kind


@pytest.mark.parametrize(("first", "second"), [("ws", "ws"), ("ws", "wss"), ("wss", "ws")])
def test_a_second_session_is_refused(first: str, second: str, endpoints: Endpoints) -> None:
    """A second client gets the reason and a close with 1013 at once, even while code runs."""
    with endpoints[first].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        expected = ("\r\nWebREPL is in use by another client\r\n", 1013)
        assert refusal(endpoints[second].websocket("/webrepl")) == expected
        repl.type("while True: pass\r\r", "... \r\n")
        started = time.monotonic()
        assert refusal(endpoints[second].websocket("/webrepl")) == expected
        assert time.monotonic() - started < 2.0
        repl.type("\x03", "KeyboardInterrupt: \r\n>>> ")
    with endpoints[second].websockets_client("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


@BOTH
@pytest.mark.failures("peer_reset")
def test_the_place_is_free_after_a_reset(scheme: str, endpoints: Endpoints) -> None:
    """A client that resets its connection frees the session for the next at once."""
    for _ in range(3):
        websocket = endpoints[scheme].websocket("/webrepl")
        assert WebRepl(websocket, PASSWORD).line("1") == "1\n"
        websocket.stream.reset()


@pytest.mark.failures("ws_ping_timeout")
def test_the_place_is_free_after_a_ping_time_out(
    shared_device: Device, endpoints: Endpoints
) -> None:
    """With pings enabled, a client that has gone loses the session."""
    shared_device.exec(
        "import webrepl\nwebrepl.start('espbench', ping_interval_ms=200, ping_timeout_ms=300)"
    )
    silent = endpoints.http.websocket("/webrepl")
    WebRepl(silent, PASSWORD)
    assert silent.receive_ping() == b""
    assert silent.receive_close(3).code == 1011
    silent.wait_until_gone()
    silent.stream.close()
    with endpoints.http.websockets_client("/webrepl") as socket:  # the library answers pings
        repl = WebRepl(socket, PASSWORD)
        time.sleep(1)
        assert repl.line("1") == "1\n"
    shared_device.exec("webrepl.start('espbench')")


@pytest.mark.failures("peer_reset")
def test_code_outlives_its_client(endpoints: Endpoints) -> None:
    """A loop outlives its client; the next client sees its output and can interrupt it."""
    first = endpoints.http.websocket("/webrepl")
    repl = WebRepl(first, PASSWORD)
    repl.type("import time\rwhile True: print('alive'); time.sleep_ms(20)\r\r", "alive\r\n")
    first.stream.reset()
    with endpoints.https.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.read_until("alive\r\n")
        repl.type("\x03", "KeyboardInterrupt: \r\n")
        repl.read_until(PROMPT)
        assert "2\r\n" in repl.type("1 + 1\r", "\r\n2\r\n>>> ")


APPLICATION = """
import httpserver, webrepl
while True:
    httpserver.process_queue(20)
    webrepl.process_queue()
"""


@pytest.mark.failures("peer_reset")
def test_an_application_started_by_webrepl(endpoints: Endpoints) -> None:
    """Its own loop serves WebREPL: a new client gets a friendly prompt, and can interrupt it."""
    first = endpoints.http.websocket("/webrepl")
    repl = WebRepl(first, PASSWORD)
    repl.type("\x01", "\r\n>")
    repl.type(APPLICATION + "\x04", "OK")
    first.stream.reset()
    with endpoints.https.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.line("6 * 7") == "42\n"
        assert endpoints.http.get("/hello").text == "hello\n"
        repl.type("\x03", "KeyboardInterrupt: \r\n")
        repl.read_until(PROMPT)
        assert repl.line("1") == "1\n"


@pytest.mark.failures("peer_reset")
def test_a_client_that_vanishes_in_silence(device: Device, endpoints: Endpoints) -> None:
    """An idle client that is cut off loses the session within a minute, even without pings."""
    lost = endpoints.http.websocket("/webrepl")
    WebRepl(lost, PASSWORD)
    device.monitor("set_link", name="net0", up=False)
    deadline = Deadline(60)
    while device.stats()["websocket"]["open"]:
        assert not deadline.expired()
        device.wait_for_change(0.2)
    device.monitor("set_link", name="net0", up=True)
    with endpoints.http.websockets_client("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"
    lost.stream.close()


@BOTH
def test_pings_go_on_while_code_runs(scheme: str, endpoints: Endpoints) -> None:
    """Ping, pong and the close handshake do not wait for MicroPython."""
    websocket = endpoints[scheme].websocket("/webrepl")
    repl = WebRepl(websocket, PASSWORD)
    repl.type("for i in range(4000000): pass\r\r", "... \r\n")
    for turn in range(3):
        websocket.send_frame(Frame(PING, b"%d" % turn))
        assert websocket.receive_pong(0.5) == b"%d" % turn
    other = endpoints[scheme].websocket()
    other.send_frame(Frame(PING, b"other"))
    assert other.receive_pong(0.5) == b"other"
    other.close()
    websocket.send("\x03")
    repl.read_until("KeyboardInterrupt: \r\n>>> ")
    websocket.close()


def test_stop(shared_device: Device, endpoints: Endpoints) -> None:
    """webrepl.stop() ends the session with 1001 and removes the endpoint; start() restores it."""
    websocket = endpoints.http.websocket("/webrepl")
    WebRepl(websocket, PASSWORD)
    shared_device.exec("import webrepl\nwebrepl.stop()")
    assert websocket.receive_close().code == 1001
    websocket.send_frame(Frame(CLOSE, close_payload(1001)))
    websocket.wait_until_gone()
    websocket.stream.close()
    with pytest.raises(WebSocketError) as refused:
        endpoints.http.websocket("/webrepl")
    assert refused.value.status == 404
    shared_device.exec("webrepl.start('espbench')")
    with endpoints.http.websockets_client("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


@BOTH
def test_no_leak(scheme: str, shared_device: Device, endpoints: Endpoints) -> None:
    """Sessions, refusals, files and interrupts leak nothing from the network heap."""
    with shared_device.no_leak():
        for _ in range(3):
            with endpoints[scheme].websockets_client("/webrepl") as socket:
                repl = WebRepl(socket, PASSWORD)
                refusal(endpoints.http.websocket("/webrepl"))
                repl.put("/leak.bin", content(3000))
                assert repl.get("/leak.bin") == content(3000)
                repl.type("while True: print('x' * 100)\r\r", "xxx")
                repl.type("\x03", "KeyboardInterrupt: \r\n>>> ")
            attempt(endpoints, WRONG, scheme)
    shared_device.exec("import os\nos.remove('/leak.bin')")
