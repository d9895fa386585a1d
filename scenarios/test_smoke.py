# SPDX-License-Identifier: MIT
"""What any firmware has to do: boot, serve, and come up again. `pytest --espbench` runs this.

Nothing else is asked of somebody else's firmware: it has neither a control channel nor /hello.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from espbench.certs import Recipe
from espbench.clients import UNVERIFIED, ClientTimeout, ConnectionEnded, Endpoint, Endpoints
from espbench.device.device import Device
from espbench.plugin.settings import named_firmware, promised_schemes


@pytest.fixture(scope="module")
def own(pytestconfig: pytest.Config) -> bool:
    """Return whether the firmware is espbench's own."""
    return named_firmware(pytestconfig) is None


@pytest.fixture(scope="module")
def shared_device_options(own: bool, recipe: Recipe) -> Mapping[str, Any]:
    """Return a certificate for espbench's own firmware; others bring what they need."""
    return {"files": recipe.on_device()} if own else {}


@pytest.fixture(autouse=True)
def check_no_leak() -> None:
    """Take the place of the other suites' last look, which asks the control channel."""


def test_boots(shared_device: Device) -> None:
    """It comes up at the first attempt, and stays up."""
    assert shared_device.running
    assert shared_device.panicked() is None
    assert max(shared_device.boots, len(shared_device.resets)) <= 1, "it came up more than once"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_serves(scheme: str, shared_device: Device, own: bool, pytestconfig: pytest.Config) -> None:
    """It answers a request on each port where it is to listen, whatever the answer is."""
    port = shared_device.board.ports.get(scheme)
    if port is None:
        pytest.skip(f"the firmware has no {scheme}")
    promised = own or scheme in promised_schemes(pytestconfig)
    tls = UNVERIFIED if scheme == "https" else None
    try:
        answer = Endpoint(shared_device.port(port), tls, timeout=10 if promised else 2).get("/")
    except (ConnectionEnded, ClientTimeout) as error:
        if promised:
            raise
        pytest.skip(
            f"the firmware answers nothing on port {port}, and nobody said that it would: "
            f"--espbench-ports {scheme}={port} does ({error})"
        )
    assert 100 <= answer.status <= 599


def test_serves_what_it_should(own: bool, request: pytest.FixtureRequest) -> None:
    """The same page over HTTP and HTTPS, and an echo over WS and WSS."""
    if not own:
        pytest.skip("needs espbench's own firmware")
    endpoints: Endpoints = request.getfixturevalue("endpoints")
    for scheme in ("http", "https"):
        assert endpoints[scheme].get("/hello").text == "hello\n"
        with endpoints[scheme].websocket("/ws") as socket:
            socket.send("over and back")
            assert socket.receive() == "over and back"


def test_comes_up_again(shared_device: Device) -> None:
    """After a reset by the machine's own line it is ready again."""
    shared_device.reset(hard=True)
    assert shared_device.panicked() is None
