# SPDX-License-Identifier: MIT
"""Stack headroom: the deepest calls leave a reserve on each stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from espbench.boards.board import Board
from espbench.certs import recipes
from espbench.clients import Endpoints, Tls
from espbench.device.device import Device

PLACES = {"https": 4, "http": 10}
START = "__import__('httpserver').start(cert_file='{0}/servercert.pem', key_file='{0}/prvtkey.pem')"
KEYS = ("p256", "rsa4096")
"""The fastest, and the one with the largest numbers."""


@pytest.fixture(scope="module")
def shared_device_options() -> dict[str, object]:
    """Return options with a folder of files for each kind of key."""
    files = {
        f"/{key}/{name}": data for key in KEYS for name, data in recipes()[key].device_files.items()
    }
    files |= recipes()["p256"].on_device()
    return {"files": files, "forwards": {80: 6, 443: 6}}


@pytest.fixture
def with_key(shared_device: Device) -> Iterator[Callable[[str], Endpoints]]:
    """Return a function that starts HTTPS with a kind of key and returns the endpoints."""

    def start(key: str) -> Endpoints:
        assert shared_device.eval(START.format(f"/{key}"), timeout=30) is True
        return Endpoints(shared_device, Tls(trust=recipes()[key].trust), timeout=30)

    yield start
    assert shared_device.eval(START.format("/certs")) is True


def test_handshakes_leave_a_reserve(
    with_key: Callable[[str], Endpoints],
    shared_device: Device,
    board: Board,
    record_property: Callable[[str, object], None],
) -> None:
    """With either key, filling all connections with handshakes leaves both stacks their reserve.

    Handshakes run on the network's stack; MicroPython's checks certificate and key at start.
    """
    for key in KEYS:
        endpoints = with_key(key)
        with ExitStack() as stack:
            for scheme, places in PLACES.items():
                connections = [stack.enter_context(endpoints[scheme].http()) for _ in range(places)]
                for connection in connections:
                    body = b"x" * 1000
                    assert connection.request("POST", "/echo", body).status == 200
            wss = stack.enter_context(endpoints.https.websocket())
            wss.send("one more")
            assert wss.receive() == "one more"
        shared_device.settle()
    heap = shared_device.heap()
    left = {"network": heap.net_stack_low_water, "MicroPython": heap.main_stack_low_water}
    record_property("stacks", left)
    print(left)
    for name, unused in left.items():
        assert unused >= board.stack_reserve, f"{name}'s stack came too close to its end: {left}"
