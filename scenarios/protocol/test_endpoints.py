# SPDX-License-Identifier: MIT
"""A WebSocket endpoint belongs to the module that registered it."""

from __future__ import annotations

import pytest
from espbench.clients import Endpoints
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
